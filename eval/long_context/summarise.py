"""Summarises measurements at long context: nats per token by position with intervals, differences from the baseline, share of needles found."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from eval.groups import Clustering
from eval.long_context.recipe import LongContextRecipe
from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_difference, ratio_interval
from eval.statistics.proportions import wilson_interval
from eval.summary.rows import Difference, bounds

Tables = Mapping[str, tuple[pa.Table, pa.Table]]
"""model → (positions, needles), see `measure`."""
UNIT = "nats per token"


def summarise(tables: Tables, limits: Mapping[str, int | None], clustering: Clustering, recipe: EvaluateRecipe, settings: LongContextRecipe) -> dict[str, Any]:
    """The section `long_context` of summary.json, whose differences have no verdict yet. `limits`: the context of each model;
    figures of longer contexts are marked."""
    scores = {name: _by_bucket(positions, settings.lengths) for name, (positions, _) in tables.items()}
    edges = list(zip([0, *settings.lengths[:-1]], settings.lengths, strict=True))
    clusters = clustering.labels
    positions = [_position(name, scores[name][:, index], edge, limits[name], clusters, recipe) for name in tables for index, edge in enumerate(edges)]
    others = [name for name in tables if name != recipe.baseline]
    differences = [
        _difference(name, recipe.baseline, scores[recipe.baseline][:, index], scores[name][:, index], edge, clusters, recipe)
        for name in others
        for index, edge in enumerate(edges)
    ]
    needles = [row for name, (_, table) in tables.items() for row in _found(name, table, limits[name], settings)]
    facts = {"domain": settings.domain, "documents": len(scores[recipe.baseline]), "clustered_by": clustering.by, "lengths": list(settings.lengths)}
    return facts | {"positions": positions, "differences": differences, "needle": needles}


def _by_bucket(positions: pa.Table, lengths: tuple[int, ...]) -> np.ndarray:
    """(n_docs, n_buckets, 2) float64: nats and tokens."""
    columns = [positions[name].to_numpy().astype(np.float64) for name in ("nats", "n_tokens")]
    return np.stack(columns, axis=1).reshape(-1, len(lengths), 2)


def _position(model: str, scores: np.ndarray, edge: tuple[int, int], limit: int | None, clusters: np.ndarray, recipe: EvaluateRecipe) -> dict[str, Any]:
    interval = ratio_interval(scores, clusters=clusters, scale=1.0, unit=UNIT, n_resamples=recipe.n_resamples, seed=recipe.seed)
    figures = {"nats_per_token": interval.estimate, "perplexity": math.exp(min(interval.estimate, 700.0))} | bounds(interval)
    return {"model": model, **_edge(edge), "beyond_limit": _is_beyond(edge[1], limit), **figures, "tokens": int(scores[:, 1].sum())}


def _difference(model: str, against: str, base: np.ndarray, new: np.ndarray, edge: tuple[int, int], clusters: np.ndarray, recipe: EvaluateRecipe) -> Difference:
    interval = ratio_difference(base, new, clusters=clusters, scale=1.0, unit=UNIT, n_resamples=recipe.n_resamples, seed=recipe.seed)
    return Difference({"model": model, "against": against, "of": "checkpoint", **_edge(edge), "delta": interval.estimate}, interval)


def _edge(edge: tuple[int, int]) -> dict[str, int]:
    return {"from": edge[0] + 1, "to": edge[1]}


def _is_beyond(length: int, limit: int | None) -> bool:
    return limit is not None and length > limit


def _found(model: str, needles: pa.Table, limit: int | None, settings: LongContextRecipe) -> list[dict[str, Any]]:
    if settings.needle is None:
        return []
    columns = {name: needles[name].to_numpy() for name in ("length", "depth", "rank", "nats")}
    rows = []
    for length in settings.lengths:
        for depth in settings.needle.depths:
            here = (columns["length"] == length) & (columns["depth"] == depth)
            found, n = int((columns["rank"][here] == 1).sum()), int(here.sum())
            low, high = wilson_interval(found, n)
            figures = {"accuracy": found / n, "low": low, "high": high, "mean_rank": float(columns["rank"][here].mean())}
            facts = {"model": model, "length": length, "depth": depth, "beyond_limit": _is_beyond(length, limit)}
            rows.append(facts | figures | {"nats": float(columns["nats"][here].mean()), "trials": n, "chance": 1 / (1 + settings.needle.alternatives)})
    return rows
