"""Answers as rows, one by model, task and item, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from eval.tasks.engine import Answer
from eval.tasks.items import Task
from shards.schemas import ITEMS


def answer_table(model: str, task: Task, answers: Sequence[Answer]) -> pa.Table:
    """Rows of schema ITEMS in the order of the task's items."""
    rows: list[dict[str, Any]] = []
    for item, answer in zip(task.items, answers, strict=True):
        gold = item.choices[item.gold]
        scored = task.delimiter + gold
        wrong = [nats for index, nats in enumerate(answer.nats) if index != item.gold]
        row: dict[str, Any] = {"model": model, "task": task.name, "subtask": item.subtask, "group": item.group}
        row |= {"item": item.id, "item_hash": task.item_hash(item)}
        row |= {"correct": answer.correct, "correct_norm": answer.correct_norm, "gold": item.gold, "chosen": int(np.argmin(answer.nats))}
        row |= {"gold_nats": answer.nats[item.gold], "wrong_nats": min(wrong, default=None), "nats": list(answer.nats), "n_choices": len(item.choices)}
        row |= {"gold_bytes": len(scored.encode()), "gold_bytes_stripped": len(scored.lstrip().encode()), "near_tie": answer.is_near_tie}
        rows.append(row | {"generated": answer.text})
    return pa.Table.from_pylist(rows, schema=ITEMS)


@dataclass(frozen=True)
class ItemScores:
    """One model's answers to one task, as arrays over its items."""

    items: tuple[str, ...]
    hashes: tuple[str, ...]
    bits: np.ndarray
    """`(n,) float64`: bits per byte of the right answer, the blank before it counted."""
    nats: np.ndarray
    """`(n,) float64`: of the right answer."""
    n_bytes: np.ndarray
    """`(n,) float64`: of the right answer, the blank before it counted."""
    correct: np.ndarray
    """`(n,) float64`: 0 or 1."""
    correct_norm: np.ndarray | None
    """`(n,) float64`, or None for tasks without it."""
    near_ties: int
    groups: np.ndarray | None
    """`(n,) int64` labels of items that are not independent; None if all are."""
    subtasks: tuple[str | None, ...]


def item_scores(table: pa.Table) -> ItemScores:
    """The arrays of rows of one model and one task."""
    nats, n_bytes = (table[name].to_numpy().astype(np.float64) for name in ("gold_nats", "gold_bytes"))
    norm = table["correct_norm"]
    return ItemScores(
        items=tuple(table["item"].to_pylist()),
        hashes=tuple(table["item_hash"].to_pylist()),
        bits=nats / n_bytes / np.log(2),
        nats=nats,
        n_bytes=n_bytes,
        correct=table["correct"].to_numpy().astype(np.float64),
        correct_norm=None if norm.null_count else norm.to_numpy().astype(np.float64),
        near_ties=int(np.sum(table["near_tie"].to_numpy(zero_copy_only=False))),
        groups=_labels(table["group"].to_pylist()),
        subtasks=tuple(table["subtask"].to_pylist()),
    )


def _labels(groups: list[str | None]) -> np.ndarray | None:
    """A number for each group; an item without one is a group of its own. None if no item has a group."""
    if not any(group is not None for group in groups):
        return None
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(("group", group) if group is not None else index, len(numbers)) for index, group in enumerate(groups)])
