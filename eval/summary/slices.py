"""Differences on parts of a domain: by source, language, year, length or another column.

Slices are looked at to find out where something happened. Their verdicts are corrected among themselves, apart from those of whole domains, so that
asking for more slices does not weaken the main result.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.errors import EvalError
from eval.groups import LENGTH, length_bands, values_of
from eval.held_out import HeldOut
from eval.recipe import EvaluateRecipe
from eval.statistics.recipes import Noise
from eval.summary.compared import Comparison, Pair, pairs_of
from eval.summary.rows import Difference, Row
from eval.summary.scored import ScoredDomain

MAX_VALUES = 50
WITHOUT = "(none)"


def slice_values(held_out: HeldOut, by: str, recipe: EvaluateRecipe) -> list[str]:
    """The value of each document, `(none)` where it has none. Raises EvalError if no document has one, or if there are more than 50."""
    where = f"domain {held_out.name}: slices"
    if by == LENGTH:
        return length_bands(held_out.sample.n_bytes, recipe.length_edges)
    values = [WITHOUT if value is None else value for value in values_of(held_out.sample, by, where)]
    if len(set(values)) > MAX_VALUES:
        raise EvalError(f"{where}: {by} has {len(set(values))} values, at most {MAX_VALUES} can be shown; slice by something coarser")
    return values


def slice_differences(domains: Sequence[ScoredDomain], recipe: EvaluateRecipe, known: Mapping[str, Noise]) -> list[Difference]:
    """Against the baseline: recipes, and checkpoints that belong to none, on each part of each domain that has several parts."""
    pairs = against_baseline(recipe)
    return [row for domain in domains for by in recipe.slices for row in _of_domain(domain, by, pairs, recipe, known.get(domain.name))]


def against_baseline(recipe: EvaluateRecipe) -> list[Pair]:
    """The pairs with the baseline, of recipes and of checkpoints that belong to none."""
    grouped = {model for models in recipe.recipes.values() for model in models}
    return [pair for pair in pairs_of(recipe) if pair.base.name == recipe.baseline and (pair.new.is_recipe or pair.new.name not in grouped)]


def _of_domain(domain: ScoredDomain, by: str, pairs: Sequence[Pair], recipe: EvaluateRecipe, known: Noise | None) -> list[Difference]:
    values = slice_values(domain.held_out, by, recipe)
    if len(set(values)) == 1:  # the slice would be the whole domain again
        return []
    comparison = Comparison(domain, recipe, known)
    bands = list(dict.fromkeys(values[row] for row in np.argsort(domain.n_bytes, kind="stable"))) if by == LENGTH else sorted(set(values))
    rows = []
    for value in bands:
        documents = np.flatnonzero([mine == value for mine in values])
        n_bytes = int(domain.n_bytes[documents].sum())
        for pair in pairs:
            interval = comparison.interval(pair, documents)
            facts: Row = {"model": pair.new.name, "against": pair.base.name, "domain": domain.name, "of": pair.of}
            facts |= {"slice": by, "value": value, "bytes": n_bytes, "delta": interval.estimate}
            is_lossy = any(domain.is_lossy(model, recipe.max_lost) for model in (*pair.base.models, *pair.new.models))
            rows.append(Difference(facts, interval, is_lossy=is_lossy))
    return rows
