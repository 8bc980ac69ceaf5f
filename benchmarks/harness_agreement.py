"""`evaluate tasks` against lm-evaluation-harness run directly, and against a plain loop, with the network off.

    python -m benchmarks.harness_agreement [--stories FOLDER] [--items N]

Questions are generated: choices of one and of several words, in three scripts, choices without a context, and single continuations. The harness reads them
through its own YAML tasks and `simple_evaluate`; `evaluate tasks` reads them as JSON lines. The plain loop scores one sequence at a time, with a
float64 log-softmax. Models: `examples/base`, the same after a few steps of training on generated text, and `--stories`, a folder with
stories260K in Hugging Face format (left out and said if it is not given). Each with and without a beginning-of-text token.

`ours.accuracy_differences` counts items whose acc or acc_norm differs, `ours.largest_loglikelihood_difference` is over all choices, and
`ours.largest_bits_difference` is that of a task's bits per byte from the plain loop's. Rolling perplexity is no part of the agreement: its first
token is treated differently, and the table says how.
"""

import argparse
import json
import math
import random
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.harness import print_result
from benchmarks.harness_direct import Direct, ask_directly, rolling
from eval.models import ModelFolder, ModelTokenizer, load_model
from eval.score.nats import score_documents
from eval.tasks.recipe import TasksRecipe
from eval.tasks.run import run_tasks
from shards.read import ShardSet

BASE = Path(__file__).parent.parent / "examples" / "base"
CONTEXT = 256
BATCH = 16
WORDS = ["river", "stone", "lamp", "garden", "winter", "engine", "copper", "letter", "market", "shadow", "ribbon", "thunder"]
SCRIPTS = ("Ελλάδα", "東京の駅", "деревня")


def main() -> None:
    """Print a table; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stories", type=Path, help="folder of stories260K in Hugging Face format")
    parser.add_argument("--items", type=int, default=40, help="items of each task (default: 40)")
    options = parser.parse_args()
    refuse_connections()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tasks = write_tasks(folder, options.items)
        models = {"base": BASE, "continued": continued(folder / "continued")} | ({"stories260K": options.stories} if options.stories else {})
        if not options.stories:
            print("stories260K: left out, --stories is not given")
        found = [measure(name, path, add_bos, tasks, folder) for name, path in models.items() for add_bos in (False, True)]
        for name, path in models.items():
            show_rolling(name, path)
    largest = {key: max(row[key] for row in found) for key in ("largest_loglikelihood_difference", "largest_bits_difference")}
    ours = {"accuracy_differences": sum(row["accuracy_differences"] for row in found), **largest, "near_ties": sum(row["near_ties"] for row in found)}
    ours |= {"models": len(models), "answers": sum(row["answers"] for row in found), "seconds": sum(row["seconds"] for row in found)}
    peer = {"seconds": sum(row["peer_seconds"] for row in found)}
    agreement = not ours["accuracy_differences"] and largest["largest_loglikelihood_difference"] <= 1e-4 and largest["largest_bits_difference"] <= 1e-6
    print_result({"ours": ours, "peer": peer, "ratio": peer["seconds"] / ours["seconds"], "agreement": agreement})


def refuse_connections() -> None:
    """Make every connection to another machine an error, for the rest of this process."""

    def refuse(*_: Any) -> None:
        raise OSError("this benchmark runs without a network")

    socket.socket.connect = socket.socket.connect_ex = refuse  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def write_tasks(folder: Path, n_items: int) -> dict[str, dict[str, Any]]:
    """JSON lines for us and YAML tasks for the harness of the same questions; both name context, choices and gold as they are scored."""
    draw = random.Random(0)
    tasks = {
        "words": [_question(draw, number, 4, 1) for number in range(n_items)],
        "phrases": [_question(draw, number, 2 + number % 3, 3) for number in range(n_items)],
        "scripts": [_question(draw, number, 3, 2) | {"choices": _in_scripts(draw)} for number in range(n_items)],
        "no_context": [_question(draw, number, 2, 5) | {"context": ""} for number in range(n_items)],
        "continuations": [_question(draw, number, 1, 2) for number in range(n_items)],
    }
    written = {}
    for name, items in tasks.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(_yaml(name, path, items)))
        written[name] = {"items": items, "path": path, "yaml": folder / f"{name}.yaml"}
    return written


def _question(draw: random.Random, number: int, n_choices: int, n_words: int) -> dict[str, Any]:
    context = f"Question {number}: which of them is in the {draw.choice(WORDS)} of the {draw.choice(WORDS)}?\nAnswer:"
    choices: list[str] = []
    while len(choices) < n_choices:
        choice = " " + " ".join(draw.sample(WORDS, draw.randint(1, n_words)))
        choices += [choice] if choice not in choices else []
    return {"id": f"q{number}", "context": context, "choices": choices, "gold": draw.randrange(n_choices)}


def _in_scripts(draw: random.Random) -> list[str]:
    return [f" {draw.choice(SCRIPTS)} {word}" for word in draw.sample(WORDS, 3)]


def _yaml(name: str, path: Path, items: list[dict[str, Any]]) -> dict[str, Any]:
    """The delimiter is the harness's usual blank, so its choices are ours without the blank at their beginning."""
    mean = {"aggregation": "mean", "higher_is_better": True}
    config = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": str(path)}, "test_split": "train", "doc_to_text": "context"}
    if len(items[0]["choices"]) == 1:
        formats = {"output_type": "loglikelihood", "doc_to_target": "{{choices[0]}}", "metric_list": [{"metric": "acc", **mean}]}
    else:
        formats = {"output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "gold", "target_delimiter": ""}
        formats["metric_list"] = [{"metric": metric, **mean} for metric in ("acc", "acc_norm")]
    return config | formats


def continued(folder: Path) -> Path:
    """The base model after a few steps on generated sentences: a model that answers differently."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    draw = random.Random(1)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32), AutoTokenizer.from_pretrained(BASE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(12):
        text = " ".join(f"The {draw.choice(WORDS)} of the {draw.choice(WORDS)} is a {draw.choice(WORDS)}." for _ in range(20))
        ids = torch.tensor([tokenizer(text).input_ids[:CONTEXT]])
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def measure(name: str, path: Path, add_bos: bool, tasks: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    """All differences of one model, over all tasks."""
    out = folder / f"answers-{name}-{add_bos}"
    fields = {"name": name, "models": {name: path}, "baseline": name, "context_tokens": CONTEXT, "batch_size": BATCH, "add_bos": add_bos, "limit": 10**6}
    asked = {task: {"items": known["path"]} for task, known in tasks.items()}
    start = time.process_time()
    content = run_tasks(TasksRecipe.model_validate({**fields, "tasks": asked, "device": "cpu", "out": out}))
    seconds = time.process_time() - start
    direct = {task: ask_directly(path, known["yaml"], context=CONTEXT, batch=BATCH, add_bos=add_bos) for task, known in tasks.items()}
    peer_seconds = time.process_time() - start - seconds
    rows = ShardSet(out, "items").to_table().to_pylist()
    result = {"accuracy_differences": 0, "largest_loglikelihood_difference": 0.0, "largest_bits_difference": 0.0, "answers": len(rows), "near_ties": 0}
    plain = PlainLoop(path, add_bos)
    for task, known in tasks.items():
        mine = [row for row in rows if row["task"] == task]
        compared = compare(mine, direct[task], [plain.nats(item["context"], choice) for item in known["items"] for choice in item["choices"]])
        said = next(row["value"] for row in content["scores"] if row["task"] == task and row["metric"] == "bits_per_byte")
        gold = [(item["context"], item["choices"][item["gold"]]) for item in known["items"]]
        bits = [plain.nats(context, answer) / len(answer.encode()) / math.log(2) for context, answer in gold]
        difference = abs(said - sum(bits) / len(bits))
        result["accuracy_differences"] += compared["accuracy"]
        result["near_ties"] += sum(row["near_tie"] for row in mine)
        result["largest_loglikelihood_difference"] = max(result["largest_loglikelihood_difference"], compared["nats"])
        result["largest_bits_difference"] = max(result["largest_bits_difference"], difference)
        print(f"{name:12} bos={add_bos!s:5} {task:14} accuracy differences {compared['accuracy']}, nats {compared['nats']:.1e}, bits {difference:.1e}")
    return result | {"seconds": seconds, "peer_seconds": peer_seconds}


def compare(mine: list[dict[str, Any]], direct: Direct, plain: list[float]) -> dict[str, Any]:
    """Items whose accuracies differ from the harness's, and the largest difference of a log-likelihood from the harness's and from the plain loop's."""
    nats = [value for row in mine for value in row["nats"]]
    largest = max(float(np.abs(np.array(nats) - np.array(other)).max()) for other in (direct.nats, plain))
    differing = sum(
        row["correct"] != acc or (norm is not None and row["correct_norm"] != norm) for row, acc, norm in zip(mine, direct.acc, direct.acc_norm, strict=True)
    )
    return {"accuracy": differing, "nats": largest}


class PlainLoop:
    """Nats of a continuation: one sequence at a time, log-softmax in float64."""

    def __init__(self, path: Path, add_bos: bool) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.first = self.tokenizer.bos_token_id if self.tokenizer.bos_token_id is not None else self.tokenizer.eos_token_id
        self.before = [self.first] if add_bos else []

    @torch.no_grad()
    def nats(self, context: str, continuation: str) -> float:
        """Minus the log-likelihood of `continuation` after `context`; after the first token of a text if that is empty."""
        if context:
            n_context = len(self.before) + len(self._ids(context.rstrip()))
            whole = self.before + self._ids(context + continuation)
        else:
            n_context, whole = 1, [self.first, *self._ids(continuation)]
        logs = self.model(torch.tensor([whole[:-1]])).logits[0].double().log_softmax(-1)
        return -sum(float(logs[position - 1, whole[position]]) for position in range(n_context, len(whole)))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)


def show_rolling(name: str, path: Path) -> None:
    """Print bits per byte of running text: ours, the plain loop's, and the harness's with its default."""
    texts = [f"The {WORDS[number]} of the {WORDS[-1 - number]} was near the {WORDS[number // 2]}. " * 5 for number in range(len(WORDS))]
    folder = ModelFolder(name, path)
    tokenizer = ModelTokenizer(folder)
    options = {"bos_id": tokenizer.bos_id, "n_vocab": tokenizer.n_vocab, "context_tokens": CONTEXT, "stride_tokens": CONTEXT, "batch_tokens": 4096}
    ours = score_documents(load_model(folder, "float32", "cpu"), tokenizer.encode(texts), **options).nats.sum()
    n_bytes = sum(len(text.encode()) for text in texts)
    first = "its beginning-of-text token" if tokenizer.bos_id is not None else "ln(vocabulary size)"
    harness = rolling(path, texts, context=CONTEXT, batch=BATCH)
    twice = "which it also predicts after another one" if tokenizer.bos_id is not None else "after an end-of-text token that training never had there"
    print(f"{name:12} rolling: ours {ours / n_bytes / math.log(2):.4f} (first token: {first}), the harness {harness:.4f} ({twice})")


if __name__ == "__main__":
    sys.exit(main())
