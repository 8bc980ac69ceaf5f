"""The whole path on generated text, small enough for tests: every step is one of the five commands."""

from pathlib import Path

import yaml

from tests.commands import run
from tests.corpus import write_corpus

MODEL = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}


def write_yaml(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def curate_recipe(home: Path, name: str, seed: int, n_documents: int = 150) -> Path:
    recipe = {
        "name": name,
        "inputs": [{"path": str(write_corpus(home / "raw" / name, seed, n_documents)), "source": name}],
        "language": None,
        "rules": ["gopher_repetition"],
        "dedup": {"exact": True, "minhash": {}, "keep": "longest"},
        "held_out": {"share": 0.3},
        "out": str(home / "curate" / name),
    }
    return write_yaml(home / "recipes" / f"curate-{name}.yaml", recipe)


def mix_recipe(home: Path, tokens: int = 40_000) -> Path:
    recipe = {
        "name": "mix",
        "row_tokens": 128,
        "sources": {name: {"tokens": str(home / "tokens" / name), "max_epochs": 10} for name in ("domain", "general")},
        "stages": [{"name": "only", "tokens": tokens, "weights": {"domain": 0.75, "general": 0.25}}],
        "out": str(home / "mix"),
    }
    return write_yaml(home / "recipes" / "mix.yaml", recipe)


def train_recipe(home: Path, **changes: object) -> Path:
    recipe = {
        "name": "train",
        "model": str(home / "init"),
        "mix": str(home / "mix"),
        "batch_rows": 8,
        "micro_batch_rows": 4,
        "optimizer": {"lr": 0.01},
        "threads": 1,
        "schedule": {"kind": "wsd", "warmup_steps": 4},
        "checkpoint": {"every_steps": 5, "keep_last": 2},
        "out": str(home / "train"),
    } | changes
    return write_yaml(home / "recipes" / "train.yaml", recipe)


def evaluate_recipe(home: Path) -> Path:
    recipe = {
        "name": "evaluate",
        "models": {"base": str(home / "init"), "adapted": str(home / "train" / "model")},
        "baseline": "base",
        "domains": {
            "domain": {"documents": str(home / "curate" / "domain" / "held_out"), "role": "gain"},
            "general": {"documents": str(home / "curate" / "general" / "held_out"), "role": "retain"},
        },
        "context_tokens": 128,
        "out": str(home / "scores"),
    }
    return write_yaml(home / "recipes" / "evaluate.yaml", recipe)


def report_recipe(home: Path) -> Path:
    recipe = {
        "title": "Two made-up languages",
        "scores": str(home / "scores"),
        "curate": {name: str(home / "curate" / name) for name in ("domain", "general")},
        "mixes": {"adapted": str(home / "mix")},
        "runs": {"adapted": str(home / "train")},
        "out": str(home / "report.html"),
    }
    return write_yaml(home / "recipes" / "report.yaml", recipe)


def up_to_mix(home: Path) -> None:
    """Curate two corpora, train a tokenizer, tokenise, make an untrained model."""
    for seed, name in enumerate(("domain", "general")):
        run("curate", "run", curate_recipe(home, name, seed))
    documents = [home / "curate" / name / "documents" for name in ("domain", "general")]
    run("tokenize", "train", *documents, "--vocab-size", 600, "--out", home / "tokenizer")
    for folder in documents:
        run("tokenize", "run", folder, "--tokenizer", home / "tokenizer", "--out", home / "tokens" / folder.parent.name)
    run("train", "init", write_yaml(home / "recipes" / "model.yaml", MODEL), "--tokenizer", home / "tokenizer", "--out", home / "init", "--seed", 1)
