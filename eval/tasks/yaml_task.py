"""Reads a task file of lm-evaluation-harness: its items, word for word as the harness asks them."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eval.errors import EvalError
from eval.tasks.engine import FEWSHOT_SEED, Source, load
from eval.tasks.harness import first_line
from eval.tasks.items import Item, Kind, Task, check_task
from shards.record import json_hash

_KINDS: dict[str, Kind] = {"multiple_choice": "choice", "loglikelihood": "continuation", "generate_until": "generate"}


def read_yaml(parts: SimpleNamespace, name: str, path: Path, *, limit: int, seed: int) -> tuple[Task, Source]:
    """The task of the file, reduced to a fixed random sample of `limit` items, and the harness's own task to ask them with.

    The data must be local. Raises EvalError for a file that the harness cannot load, a task that measures running text, and an item without a right answer.
    """
    if not path.is_file():
        raise EvalError(f"task {name}: no file {path}; give a task file of lm-evaluation-harness")
    built = load(parts, str(path), name)
    kind = _KINDS.get(built.config.output_type)
    if kind is None:
        raise EvalError(f"task {name}: {path} has output_type {built.config.output_type}; score running text with `evaluate run`")
    built.set_fewshot_seed(seed=FEWSHOT_SEED)
    try:
        rows = _sampled(len(built.eval_docs), limit, seed)
        built.build_all_requests(samples=rows)
        by_document: dict[int, list[Any]] = {}
        for instance in built.instances:
            by_document.setdefault(instance.doc_id, []).append(instance)
        items = tuple(_item(built, kind, row, asked, name) for row, asked in zip(rows, by_document.values(), strict=True))
    except EvalError:
        raise
    except Exception as error:
        raise EvalError(f"task {name}: lm-evaluation-harness cannot make its questions from {path} ({type(error).__name__}: {first_line(error)})") from None
    generation = {"generation_kwargs": dict(built.config.generation_kwargs or {})} if kind == "generate" else {}
    delimiter = built.config.target_delimiter if kind != "continuation" else ""
    metrics = list(built._metric_fn_list)
    accuracy: Any = "exact_match" if kind == "generate" else "acc_norm" if "acc_norm" in metrics else "acc"
    shots, source = built.config.num_fewshot or 0, {"yaml": str(path), "task": built.task_name}
    task = Task(name, "yaml", kind, items, delimiter=delimiter, accuracy=accuracy, generation=generation, shots=shots, source=source)
    return check_task(task), Source(built, tuple(rows))


def _sampled(n: int, limit: int, seed: int) -> list[int]:
    """Rows with the smallest hashes, in ascending order."""
    return sorted(sorted(range(n), key=lambda row: json_hash([seed, row]))[:limit])


def _item(built: Any, kind: Kind, row: int, asked: list[Any], name: str) -> Item:
    document = asked[0].doc
    target = built.doc_to_target(document)
    if kind == "choice":
        return _choice(built, row, [instance.args for instance in asked], document, target, name)
    texts = target if isinstance(target, list) else [target]
    if not texts or not isinstance(texts[0], str) or not texts[0]:
        raise EvalError(f"task {name}, item {row}: has no right answer; check doc_to_target, or leave the item out")
    return Item(str(row), asked[0].args[0], (texts[0],), 0)


def _choice(built: Any, row: int, arguments: list[tuple[str, str]], document: Mapping[str, Any], target: Any, name: str) -> Item:
    choices = built.doc_to_choice(document)
    if built.multiple_input:  # the choices stand in the contexts, and the index of the right one is doc_to_text
        contexts = tuple(context for context, _ in arguments[: len(choices)])
        return Item(str(row), "", (str(target),) * len(contexts), _index(built.doc_to_text(document), choices, row, name), contexts)
    gold = target[0] if isinstance(target, list) and target else target
    return Item(str(row), arguments[0][0], tuple(choices), _index(gold, choices, row, name))


def _index(gold: Any, choices: list[str], row: int, name: str) -> int:
    if isinstance(gold, str) and gold in choices:
        return choices.index(gold)
    if type(gold) is not int:
        raise EvalError(f"task {name}, item {row}: has no right answer among its {len(choices)} choices (got {gold!r}); mend its file or doc_to_target")
    return gold
