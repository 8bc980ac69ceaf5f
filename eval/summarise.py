"""Summarises scores per document: bits per byte with intervals, differences between models, verdicts."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.interval import Interval, tolerance_verdict, verdict

Scores = Mapping[tuple[str, str], np.ndarray]
"""(model, domain) → `(n_docs, 3) float64` with nats, bytes and tokens; the documents of a domain are in the same order for all models."""


def model_scores(scores: Scores, recipe: EvaluateRecipe) -> list[dict[str, Any]]:
    """Bits per byte of every model on every domain, ordered by domain and model as in the recipe."""
    rows = []
    for domain in recipe.domains:
        for model in recipe.models:
            documents = scores[model, domain]
            interval = ratio_interval(documents[:, :2], n_resamples=recipe.n_resamples, seed=recipe.seed)
            sizes = {"documents": len(documents), "bytes": int(documents[:, 1].sum()), "tokens": int(documents[:, 2].sum())}
            rows.append({"model": model, "domain": domain, "bits_per_byte": interval.estimate, **bounds(interval), **sizes})
    return rows


def model_differences(scores: Scores, recipe: EvaluateRecipe) -> list[dict[str, Any]]:
    """Every model against the baseline, then every later model against every earlier one, on every domain.

    `delta` is bits per byte of `model` minus those of `against`; negative is better. Only domains to retain have `retained`.
    """
    others = [model for model in recipe.models if model != recipe.baseline]
    pairs = [(recipe.baseline, model) for model in others] + list(combinations(others, 2))
    return [_difference(scores, recipe, against, model, domain) for against, model in pairs for domain in recipe.domains]


def _difference(scores: Scores, recipe: EvaluateRecipe, against: str, model: str, domain: str) -> dict[str, Any]:
    base, new = scores[against, domain], scores[model, domain]
    interval = ratio_difference(base[:, :2], new[:, :2], n_resamples=recipe.n_resamples, seed=recipe.seed)
    row = {"model": model, "against": against, "domain": domain, "role": recipe.domains[domain].role, "delta": interval.estimate}
    row |= bounds(interval) | {"verdict": verdict(interval)}
    if recipe.domains[domain].role == "retain":
        row["retained"] = tolerance_verdict(interval, recipe.tolerance)
    return row


def bounds(interval: Interval) -> dict[str, float | None]:
    """Bounds and errors of an interval; infinite ones become null, because JSON has no infinity."""
    bounds = {
        "low": interval.low,
        "high": interval.high,
        "standard_error": interval.standard_error,
        "minimum_detectable": interval.minimum_detectable,
    }
    return {name: value if math.isfinite(value) else None for name, value in bounds.items()}
