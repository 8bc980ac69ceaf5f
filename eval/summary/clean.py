"""Scores without the documents that stand in training sets, beside the scores of all documents."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.contamination.held_out import Contamination
from eval.contamination.overlap import count_kinds, is_clean
from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_interval
from eval.summary.compared import Comparison, pairs_of
from eval.summary.noise import known_noise
from eval.summary.rows import bounds, counts
from eval.summary.scored import ScoredDomain

_LEAST_DOCUMENTS = 2


def clean_scores(domains: Sequence[ScoredDomain], contamination: Contamination, recipe: EvaluateRecipe) -> dict[str, Any]:
    """The section `contamination` of summary.json, under this key; nothing if no training set was searched.

    Scores and differences stand for domains with both clean and contaminated documents. They have intervals but no verdicts: the question is whether
    those of all documents change.
    """
    overlap = contamination.overlap
    if overlap is None:
        return {}
    counts = {domain.name: count_kinds(contamination.rows[domain.name]) for domain in domains}
    known_ids = {domain.name: {row["item"] for row in overlap.rows if row["set"] == domain.name} for domain in domains}
    examples = [example for example in overlap.examples if example["item"] in known_ids.get(example["set"], ())]
    section: dict[str, Any] = {"against": overlap.against, "note": overlap.note, "domains": counts, "left_out": contamination.left_out, "examples": examples}
    section |= {"scores": [], "differences": []}
    for domain in domains:
        clean = np.flatnonzero(is_clean(contamination.rows[domain.name]))
        if _LEAST_DOCUMENTS <= len(clean) < len(domain.n_bytes):
            section["scores"] += [_score(domain, model, clean, recipe) for model in recipe.models]
            section["differences"] += _differences(domain, clean, recipe)
    return {"contamination": section}


def _score(domain: ScoredDomain, model: str, clean: np.ndarray, recipe: EvaluateRecipe) -> dict[str, Any]:
    interval = ratio_interval(domain.values(model)[clean], clusters=domain.clustering.labels[clean], n_resamples=recipe.n_resamples, seed=recipe.seed)
    return {"model": model, "domain": domain.name, "value": interval.estimate, **bounds(interval), **counts(interval)}


def _differences(domain: ScoredDomain, clean: np.ndarray, recipe: EvaluateRecipe) -> list[dict[str, Any]]:
    comparison = Comparison(domain, recipe, known_noise(recipe).get(domain.name))
    rows = []
    for pair in pairs_of(recipe):
        interval = comparison.interval(pair, clean)
        row = {"model": pair.new.name, "against": pair.base.name, "domain": domain.name, "of": pair.of, "delta": interval.estimate}
        rows.append(row | bounds(interval) | counts(interval))
    return rows
