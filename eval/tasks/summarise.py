"""Summarises answers by item: bits per byte of the right answer and accuracy, with intervals; differences between models; verdicts."""

import math
from collections.abc import Mapping, Set
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.interval import Interval, verdict
from eval.statistics.multiple import holm
from eval.statistics.proportions import mcnemar, smallest_share, wilson_interval
from eval.statistics.recipes import recipe_difference
from eval.tasks.items import Task
from eval.tasks.recipe import TasksRecipe
from eval.tasks.rows import ItemScores

Scores = Mapping[tuple[str, str], ItemScores]
"""(model, task) → answers; the items of a task are in the same order for all models."""
BITS = "bits_per_byte"


class _Side(NamedTuple):
    """One side of a comparison: a name, and the models that it stands for."""

    name: str
    models: list[str]


def summarise(scores: Scores, recipe: TasksRecipe, tasks: list[Task], lossy: Set[tuple[str, str]] = frozenset()) -> dict[str, Any]:
    """The figures of tasks.json: `scores`, `subtasks` and `differences`. `lossy`: models and tasks that get no verdict."""
    models = list(dict.fromkeys(model for model, _ in scores))
    rows = [_score(scores[model, task.name], model, task, metric, recipe) for task in tasks for model in models for metric in _metrics(scores, model, task)]
    subtasks = [row for task in tasks for model in models for row in _subtasks(scores[model, task.name], model, task)]
    differences = _differences(scores, recipe, tasks, models, lossy)
    return {"order": order_of_tasks(rows, differences), "scores": rows, "subtasks": subtasks, "differences": differences}


def order_of_tasks(scores: list[dict[str, Any]], differences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks by `signal_to_noise` in bits per byte, largest first; those without one, because there is one model, last.

    Signal: largest minus smallest mean of the models. Noise: the median standard error of the differences between checkpoints, over these items. Heineman et
    al. 2025 (Signal and Noise) divide by the spread of a run's last checkpoints instead, which needs many of them.
    """
    ratios: dict[str, float | None] = {}
    for task in dict.fromkeys(row["task"] for row in scores):
        values = [row["value"] for row in scores if row["task"] == task and row["metric"] == BITS]
        errors = [row["standard_error"] for row in differences if (row["task"], row["metric"], row["of"]) == (task, BITS, "checkpoint")]
        noise = float(np.median([error for error in errors if error is not None])) if any(error is not None for error in errors) else 0.0
        ratios[task] = (max(values) - min(values)) / noise if noise > 0 else None
    ordered = sorted(ratios, key=lambda task: -(ratios[task] or 0.0))
    return [{"task": task, "signal_to_noise": ratios[task]} for task in ordered]


def values_of(answers: ItemScores, metric: str) -> np.ndarray:
    """The metric by item, `(n,) float64`."""
    if metric == BITS:
        return answers.bits
    if metric == "acc_norm":
        assert answers.correct_norm is not None
        return answers.correct_norm
    return answers.correct


def _metrics(scores: Scores, model: str, task: Task) -> list[str]:
    plain = "exact_match" if task.kind == "generate" else "acc"
    return [BITS, plain, *(["acc_norm"] if scores[model, task.name].correct_norm is not None else [])]


def _judged(scores: Scores, task: Task) -> list[str]:
    """The metrics that get verdicts: bits first, then the accuracy that is usually published. More would only make each verdict stricter."""
    have_norm = all(answers.correct_norm is not None for (_, name), answers in scores.items() if name == task.name)
    return [BITS, "acc_norm" if task.accuracy == "acc_norm" and have_norm else "exact_match" if task.kind == "generate" else "acc"]


def _score(answers: ItemScores, model: str, task: Task, metric: str, recipe: TasksRecipe) -> dict[str, Any]:
    values, plain = values_of(answers, metric), {"scale": 1.0, "n_resamples": recipe.n_resamples, "seed": recipe.seed}
    interval = ratio_interval(_weighted(values), clusters=answers.groups, **plain)  # type: ignore[arg-type]
    row = {"model": model, "task": task.name, "metric": metric, "value": interval.estimate, **bounds(interval)}
    del row["p_value"]
    # Without a second model, two models are taken as if they were asked different items: then the variance of a difference is twice that of a mean.
    smallest = row.pop("minimum_detectable")
    row["smallest_change"] = None if smallest is None else smallest * math.sqrt(2)
    if metric == BITS:
        row["pooled"] = float(answers.nats.sum() / answers.n_bytes.sum() / math.log(2))
    else:
        row["near_ties"] = answers.near_ties
        row |= share_bounds(values, interval)
        row["smallest_change"] = None if smallest is None else max(row["smallest_change"], smallest_share(interval.clusters))
    if (weights := _macro_weights(answers)) is not None:
        macro = ratio_interval(_weighted(values, weights), clusters=answers.groups, **plain)  # type: ignore[arg-type]
        row["macro"] = {"value": macro.estimate, "low": _finite(macro.low), "high": _finite(macro.high)}
    return row


def _subtasks(answers: ItemScores, model: str, task: Task) -> list[dict[str, Any]]:
    names = [name for name in dict.fromkeys(answers.subtasks) if name is not None]
    if len(names) < 2:
        return []
    labels = np.array([name or "" for name in answers.subtasks])
    rows = []
    for name in names:
        chosen = labels == name
        row = {"model": model, "task": task.name, "subtask": name, "items": int(chosen.sum()), BITS: float(answers.bits[chosen].mean())}
        norm = {} if answers.correct_norm is None else {"acc_norm": float(answers.correct_norm[chosen].mean())}
        rows.append(row | {"acc": float(answers.correct[chosen].mean())} | norm)
    return rows


def _differences(scores: Scores, recipe: TasksRecipe, tasks: list[Task], models: list[str], lossy: Set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Differences of checkpoints and of recipes, with p-values adjusted over all of them that get a verdict. `delta` is `model` minus `against`."""
    rows = []
    for against, new, of in _pairs(recipe, models):
        for task in tasks:
            for metric in _judged(scores, task):
                row, interval = _difference(scores, recipe, against, new, task, metric, of)
                if any((model, task.name) in lossy for model in (*against.models, *new.models)):
                    row |= {"adjusted_p": 1.0, "verdict": "lossy"}
                rows.append((row, interval))
    judged = [(row, interval) for row, interval in rows if "verdict" not in row]
    for (row, interval), adjusted in zip(judged, holm([row["p_value"] for row, _ in judged]), strict=True):
        row |= {"adjusted_p": adjusted, "verdict": verdict(interval, adjusted, lower_is_better=row["metric"] == BITS)}
    return [row for row, _ in rows]


def _pairs(recipe: TasksRecipe, models: list[str]) -> list[tuple[_Side, _Side, str]]:
    """Checkpoints against the baseline, later models against earlier ones unless they are runs of a recipe, and recipes against each other."""
    in_recipes = {model for members in recipe.recipes.values() for model in members}
    baseline = _Side(recipe.baseline, [recipe.baseline])
    others = [_Side(model, [model]) for model in models if model != recipe.baseline]
    pairs = [(baseline, other, "checkpoint") for other in others]
    pairs += [(first, second, "checkpoint") for first, second in combinations([side for side in others if side.name not in in_recipes], 2)]
    groups = [_Side(name, members) for name, members in recipe.recipes.items()]
    if recipe.baseline not in in_recipes:
        pairs += [(baseline, group, "recipe") for group in groups]
    return pairs + [(first, second, "recipe") for first, second in combinations(groups, 2)]


def _difference(scores: Scores, recipe: TasksRecipe, against: _Side, new: _Side, task: Task, metric: str, of: str) -> tuple[dict[str, Any], Interval]:
    base_runs, new_runs = ([scores[model, task.name] for model in side.models] for side in (against, new))
    plain: dict[str, Any] = {"clusters": base_runs[0].groups, "scale": 1.0, "n_resamples": recipe.n_resamples, "seed": recipe.seed}

    def compare(weights: np.ndarray | None) -> Interval:
        base, other = ([_weighted(values_of(run, metric), weights) for run in runs] for runs in (base_runs, new_runs))
        if of == "checkpoint":
            return ratio_difference(base[0], other[0], **plain)
        return recipe_difference(base, other, fixed_base=against.name == recipe.baseline, **plain)

    interval = compare(None)
    row = {"model": new.name, "against": against.name, "task": task.name, "metric": metric, "of": of, "delta": interval.estimate, **bounds(interval)}
    if of == "checkpoint" and metric != BITS:
        base, other = values_of(base_runs[0], metric), values_of(new_runs[0], metric)
        gained, lost = int(((other == 1) & (base == 0)).sum()), int(((other == 0) & (base == 1)).sum())
        row |= {"gained": gained, "lost": lost}
        if base_runs[0].groups is None:  # McNemar's test takes items as independent
            row["p_value"] = mcnemar(gained, lost)
        if gained + lost == 0:  # no item tells how much the models could differ
            most = wilson_interval(0, interval.clusters)[1]
            row |= {"low": -most, "high": most}
        if row["minimum_detectable"] is not None:
            row["minimum_detectable"] = max(row["minimum_detectable"], smallest_share(interval.clusters))
    if (weights := _macro_weights(base_runs[0])) is not None:
        macro = compare(weights)
        row["macro"] = {"delta": macro.estimate, "low": _finite(macro.low), "high": _finite(macro.high)}
    return row, interval


def share_bounds(values: np.ndarray, interval: Interval) -> dict[str, float]:
    """Ends of the interval of a share of right answers: Wilson's where items are independent, or where all answers are equal and nothing can be resampled;
    else the interval's own, within 0 and 1."""
    if interval.clusters < interval.n and interval.standard_error > 0:
        return {"low": max(interval.low, 0.0), "high": min(interval.high, 1.0)}
    n = interval.clusters
    low, high = wilson_interval(round(interval.estimate * n), n)
    return {"low": low, "high": high}


def _weighted(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Numerators and denominators of a weighted mean over items, `(n, 2) float64`."""
    weights = np.ones(len(values)) if weights is None else weights
    return np.column_stack([values * weights, weights])


def _macro_weights(answers: ItemScores) -> np.ndarray | None:
    """Weights that make every subtask count the same, however many items it has; None if there are fewer than two."""
    names = {name for name in answers.subtasks}
    if len(names - {None}) < 2:
        return None
    counts = {name: answers.subtasks.count(name) for name in names}
    return np.array([len(answers.subtasks) / len(names) / counts[name] for name in answers.subtasks])


def bounds(interval: Interval) -> dict[str, Any]:
    """An interval's figures; infinite ones become null, because JSON has no infinity."""
    row: dict[str, Any] = {name: _finite(getattr(interval, name)) for name in ("low", "high", "standard_error", "minimum_detectable")}
    return row | {"p_value": interval.p_value, "items": interval.n, "clusters": interval.clusters, "effective": interval.effective}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
