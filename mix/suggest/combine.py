"""Learning rate, tokens and ratio together: the candidates of a recipe, and their comparison as a record."""

import numpy as np

from mix.errors import MixError
from mix.laws.rate_schedule import RateSchedule
from mix.runs.columns import nearest
from mix.runs.table import Array
from mix.suggest.compose import shares_by_name
from mix.suggest.question import Question
from mix.suggest.rates import Candidate, RatesRequest, suggest_rates
from mix.suggest.recipe import RatesRecipe
from mix.suggest.record import RateCandidate, RatesRecord, estimate_of

_SAME = 1e-4
"""Largest difference of a share between ratios that are compared only once."""


def rates_of(question: Question, recipe: RatesRecipe, suggested: Array) -> RatesRecord:
    """The comparison of all candidates that bounds and sizes allow. `suggested` are shares float64[k].

    Raises MixError for shares that don't sum to 1, if no candidate is allowed, and as `suggest_rates`.
    """
    request = question.request
    shares = _ratios(question, recipe, suggested)
    allowed = [_is_allowed(question, row, max(recipe.tokens)) for row in shares]
    if not any(allowed):
        raise MixError(f"rates: bounds and sizes allow none of the {len(shares)} ratios for {max(recipe.tokens):,} tokens; give others in rates.shares")
    asked = RatesRequest(
        sources=request.sources,
        peaks=tuple(recipe.lr),
        tokens=tuple(map(float, recipe.tokens)),
        shares=shares[np.array(allowed)],
        tokens_per_step=float(recipe.tokens_per_step),
        target=request.target,
        budget=request.budget,
        schedule=RateSchedule(**recipe.schedule.model_dump()),
        extrapolate=request.extrapolate,
        confidence=request.confidence,
        seed=request.seed,
    )
    found = suggest_rates(asked, question.known.evidence)
    return RatesRecord(
        tokens_per_step=recipe.tokens_per_step,
        flattery=found.flattery,
        laws={domain: law.name for domain, law in found.laws.items()},
        candidates=[_candidate(question, one) for one in found.candidates],
    )


def _ratios(question: Question, recipe: RatesRecipe, suggested: Array) -> Array:
    """float64[m, k]: the ratios of the recipe, or those of the runs and the suggested one, each once."""
    sources = question.request.sources
    if not recipe.shares:
        known = question.known.runs(question.at_tokens).shares
        return _distinct(np.vstack([suggested, known]))
    for given in recipe.shares:
        for name in given:
            if name not in sources:
                raise MixError(f"rates.shares: no run of the fit has a source {name}{nearest(name, sources)}")
        if abs(sum(given.values()) - 1) > 1e-3:
            raise MixError(f"rates.shares: {given} sums to {sum(given.values()):.4g}; make the shares of each ratio sum to 1")
    rows = np.array([[given.get(name, 0.0) for name in sources] for given in recipe.shares], np.float64)
    return _distinct(rows / rows.sum(axis=1, keepdims=True))


def _distinct(rows: Array) -> Array:
    """Rows that differ from all before them."""
    kept: list[Array] = []
    for row in rows:
        if all(np.abs(row - other).max() > _SAME for other in kept):
            kept.append(row)
    return np.stack(kept)


def _is_allowed(question: Question, shares: Array, tokens: int) -> bool:
    """Whether bounds and sizes allow the shares of a run of so many tokens."""
    sizes, bounds = question.sizes, question.recipe.bounds
    for name, share in zip(question.request.sources, shares.tolist(), strict=True):
        low, high = bounds.get(name, (0.0, 1.0))
        if not low - _SAME <= share <= high + _SAME or share * tokens > sizes.caps.get(name, np.inf) * (1 + _SAME):
            return False
    return True


def _candidate(question: Question, candidate: Candidate) -> RateCandidate:
    return RateCandidate(
        lr=candidate.peak,
        tokens=round(candidate.tokens),
        shares=shares_by_name(question.request.sources, candidate.shares),
        target=estimate_of(candidate.target),
        losses={name: estimate_of(prediction) for name, prediction in candidate.domains.items()},
        budget_kept=candidate.kept,
        outside=candidate.outside,
    )
