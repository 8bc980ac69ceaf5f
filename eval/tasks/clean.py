"""Scores of tasks without the items that stand in training sets, beside the scores of all items."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eval.contamination.overlap import Overlap, count_kinds, is_clean, overlap_of
from eval.contamination.task_items import task_items
from eval.tasks.items import Task
from eval.tasks.recipe import TasksRecipe
from eval.tasks.rows import ItemScores
from eval.tasks.summarise import Scores, summarise

_LEAST_ITEMS = 2
_SCORE = ("model", "task", "metric", "value", "low", "high", "items")
_DIFFERENCE = ("model", "against", "task", "metric", "of", "delta", "low", "high", "standard_error", "minimum_detectable", "items", "clusters", "effective")


def contamination(tasks: Sequence[Task], scores: Scores, recipe: TasksRecipe) -> dict[str, Any]:
    """The section `contamination` of tasks.json, under this key; nothing if the recipe names neither training sets nor a folder of `curate overlap`.

    An item that stands in any of the training sets counts as contaminated for all models, so that they are compared on the same items. Intervals stand
    without verdicts: the question is whether those of all items change.
    """
    items = [item for task in tasks for item in task_items(task)]
    overlap = overlap_of(items, recipe.train_documents, recipe.contamination, recipe.work_folder)
    if overlap is None:
        return {}
    by_task = {task.name: [row for row in overlap.rows if row["set"] == task.name] for task in tasks}
    clean = {name: is_clean(rows) for name, rows in by_task.items()}
    counts = {name: count_kinds(rows) for name, rows in by_task.items()}
    section = {"against": overlap.against, "note": overlap.note, "tasks": counts, "examples": _examples(overlap, by_task)}
    return {"contamination": section | _without(tasks, scores, clean, recipe)}


def _examples(overlap: Overlap, by_task: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Those of the overlap's examples that are items of these tasks."""
    known = {(name, row["item"]) for name, rows in by_task.items() for row in rows}
    return [example for example in overlap.examples if (example["set"], example["item"]) in known]


def _without(tasks: Sequence[Task], scores: Scores, clean: Mapping[str, np.ndarray], recipe: TasksRecipe) -> dict[str, Any]:
    """Scores and differences on clean items, for tasks that have both clean and contaminated ones."""
    chosen = [task for task in tasks if not clean[task.name].all() and clean[task.name].sum() >= _LEAST_ITEMS]
    kept = {(model, task.name): _subset(scores[model, task.name], clean[task.name]) for task in chosen for model in dict.fromkeys(model for model, _ in scores)}
    result = summarise(kept, recipe, chosen) if chosen else {"scores": [], "differences": []}
    return {
        "scores": [{name: row[name] for name in _SCORE} for row in result["scores"]],
        "differences": [{name: row[name] for name in _DIFFERENCE} for row in result["differences"]],
    }


def _subset(scores: ItemScores, chosen: np.ndarray) -> ItemScores:
    rows = np.flatnonzero(chosen).tolist()
    return replace(
        scores,
        items=tuple(scores.items[row] for row in rows),
        hashes=tuple(scores.hashes[row] for row in rows),
        subtasks=tuple(scores.subtasks[row] for row in rows),
        bits=scores.bits[chosen],
        nats=scores.nats[chosen],
        n_bytes=scores.n_bytes[chosen],
        correct=scores.correct[chosen],
        correct_norm=None if scores.correct_norm is None else scores.correct_norm[chosen],
        groups=None if scores.groups is None else scores.groups[chosen],
    )
