"""A base model, tokens of two sources and held-out documents, small enough that a run takes seconds, and recipes of proxies on them."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash
import yaml

from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.train.parts import ROW_TOKENS, tiny_network, write_mix, write_tokenizer


def make_home(home: Path) -> Path:
    """Write `base/`, the tokens sets `tokens/even` and `tokens/odd`, and the documents sets `held_out/even` and `held_out/odd`."""
    tiny_network().save_pretrained(home / "base")
    write_tokenizer(home / "base")
    write_mix(home / "tokens", hashlib.sha256((home / "base" / "tokenizer.json").read_bytes()).hexdigest())
    for first, name in enumerate(("even", "odd")):
        texts = [" ".join(f"w{2 * ((3 * index + start) % 40) + 2 + first}" for index in range(30)) for start in range(12)]
        _write_documents(home / "held_out" / name, texts)
    return home


def _write_documents(folder: Path, texts: list[str]) -> None:
    n = len(texts)
    ids = [xxhash.xxh3_128_digest(text.encode()) for text in texts]
    plain = [pa.array([value] * n) for value in ("made up", "en", "", "", "made.txt")]
    columns = [pa.array(ids, pa.binary(16)), pa.array(texts, pa.large_string()), *plain, pa.array(range(n), pa.int64())]
    write_set(folder, "documents", DOCUMENTS, [pa.record_batch(columns, schema=DOCUMENTS)])


def values(home: Path, out: Path, **changes: Any) -> dict[str, Any]:
    """Values of a recipe of three ratios without repeats; `changes` replace keys."""
    return {
        "name": "tiny",
        "base": str(home / "base"),
        "mix": {"row_tokens": ROW_TOKENS, "sources": {name: {"tokens": str(home / "tokens" / name), "max_epochs": 50} for name in ("even", "odd")}},
        "train": {
            "batch_rows": 8,
            "micro_batch_rows": 8,
            "optimizer": {"lr": 0.01},
            "schedule": {"warmup_steps": 2},
            "checkpoint": {"every_steps": 5},
            "log": {"tensorboard": False},
        },
        "evaluate": {
            "domains": {"even": {"documents": str(home / "held_out" / "even")}, "odd": {"documents": str(home / "held_out" / "odd"), "role": "retain"}},
            "context_tokens": 32,
            "n_resamples": 200,
        },
        "tokens": 4000,
        "design": {"kind": "grid", "shares": {"odd": [0, 0.25, 0.5]}},
        "seeds": None,
        "out": str(out),
    } | changes


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write a recipe as YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path
