"""Differences in bits per byte between recipes and between checkpoints."""

from collections.abc import Mapping, Sequence

from eval.recipe import EvaluateRecipe
from eval.statistics.recipes import Noise
from eval.summary.compared import Comparison, Pair, pairs_of
from eval.summary.documents import document_facts
from eval.summary.rows import Difference, Row
from eval.summary.scored import ScoredDomain


def differences(domains: Sequence[ScoredDomain], recipe: EvaluateRecipe, known: Mapping[str, Noise]) -> list[Difference]:
    """Every pair of `pairs_of` on every domain; `known` is the noise between seeds by domain that the recipe states.

    `delta` is bits per byte of `model` minus those of `against`; negative is better.
    """
    comparisons = {domain.name: Comparison(domain, recipe, known.get(domain.name)) for domain in domains}
    return [_difference(domain, comparisons[domain.name], pair, recipe) for pair in pairs_of(recipe) for domain in domains]


def _difference(domain: ScoredDomain, comparison: Comparison, pair: Pair, recipe: EvaluateRecipe) -> Difference:
    interval = comparison.interval(pair)
    facts: Row = {"model": pair.new.name, "against": pair.base.name, "domain": domain.name, "role": domain.role, "of": pair.of}
    facts |= {"seeds": len(pair.new.models), "against_seeds": len(pair.base.models), "delta": interval.estimate}
    if (is_below := comparison.is_below_noise(pair)) is not None:
        facts["below_seed_noise"] = is_below
    facts |= document_facts(domain, pair, recipe)
    tolerance = recipe.tolerance if domain.role == "retain" else None
    is_lossy = any(domain.is_lossy(model, recipe.max_lost) for model in (*pair.base.models, *pair.new.models))
    return Difference(facts, interval, tolerance, is_lossy)


def noise_rows(domains: Sequence[ScoredDomain], recipe: EvaluateRecipe, known: Mapping[str, Noise]) -> list[Row]:
    """Standard deviation of bits per byte between runs of one recipe, by domain, where it is known."""
    rows = []
    for domain in domains:
        noise = Comparison(domain, recipe, known.get(domain.name)).noise
        if noise is not None:
            rows.append({"domain": domain.name, "deviation": noise.deviation, "degrees": noise.degrees, "stated": domain.name in known})
    return rows
