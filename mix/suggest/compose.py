"""From the numbers of a suggestion to its record."""

import math
from collections.abc import Sequence

import numpy as np

from mix.runs.table import Array, Runs
from mix.suggest.confirm import SAME_SHARE
from mix.suggest.question import Question
from mix.suggest.record import (
    FORMAT,
    BindingRecord,
    ConfirmationRecord,
    CurveRecord,
    DomainRecord,
    NextRun,
    PredictedRun,
    RatesRecord,
    RegionRecord,
    RunRecord,
    SuggestionRecord,
    TargetRecord,
    estimate_of,
)
from mix.suggest.suggestion import Binding, Suggestion

_DIGITS = 12
"""Decimals of a share, as in the recipes that `mix reweight` writes."""


def shares_by_name(sources: Sequence[str], shares: Array) -> dict[str, float]:
    """Shares by source, rounded."""
    return {name: abs(round(share, _DIGITS)) for name, share in zip(sources, np.asarray(shares, np.float64).tolist(), strict=True)}


def compose(
    question: Question, suggestion: Suggestion, curve: CurveRecord | None, rates: RatesRecord | None, confirmations: Sequence[ConfirmationRecord]
) -> SuggestionRecord:
    """A provisional suggestion; `confirmations` are those of earlier ones, of which the last broke its budget."""
    known, sizes, sources = question.known, question.sizes, question.request.sources
    runs, target = known.runs(question.at_tokens), suggestion.target
    return SuggestionRecord(
        format=FORMAT,
        name=question.recipe.name,
        status="provisional",
        recipe_hash=question.hash,
        shares=shares_by_name(sources, suggestion.shares),
        run=PredictedRun(at_tokens=question.at_tokens, tokens=_middle(runs.number("tokens")), parameters=_middle(runs.number("n_parameters"))),
        final_tokens=sizes.final_tokens,
        target=TargetRecord(
            unit=known.units[next(iter(question.request.target))],
            predicted=estimate_of(target),
            uncorrected=target.uncorrected,
            flattery=suggestion.flattery,
        ),
        domains=[_domain(question, suggestion, name) for name in suggestion.domains],
        region=RegionRecord(
            lowest=shares_by_name(sources, suggestion.region.lowest),
            highest=shares_by_name(sources, suggestion.region.highest),
            ratios=[shares_by_name(sources, ratio) for ratio in suggestion.region.examples],
        ),
        binding=[_binding(question, one) for one in suggestion.binding],
        outside=suggestion.outside,
        next_runs=[
            NextRun(shares=shares_by_name(sources, run.shares), why=run.why)
            for run in suggestion.next_runs
            if np.abs(run.shares - suggestion.shares).max() > SAME_SHARE  # confirm.yaml has the suggested ratio
        ],
        evidence=known.record(question.at_tokens),
        confirmations=list(confirmations),
        noise_from_repeats=suggestion.noise_from_repeats,
        prior_strength=None if question.request.prior is None else suggestion.prior_strength,
        notes=_notes(question, suggestion),
        rates=rates,
        curve=curve,
        observed=observed_runs(runs),
    )


def observed_runs(runs: Runs) -> list[RunRecord]:
    """Shares and losses of each run, losses that are unknown left out."""
    return [
        RunRecord(
            run=name,
            shares=shares_by_name(runs.sources, runs.shares[row]),
            losses={domain: loss for domain, loss in zip(runs.domains, runs.losses[row].tolist(), strict=True) if math.isfinite(loss)},
        )
        for row, name in enumerate(runs.run)
    ]


def _domain(question: Question, suggestion: Suggestion, name: str) -> DomainRecord:
    prediction = suggestion.domains[name]
    return DomainRecord(
        name=name,
        unit=question.known.units[name],
        weight=question.request.target.get(name, 0.0),
        base=prediction.base,
        predicted=estimate_of(prediction),
        uncorrected=prediction.uncorrected,
        noise=suggestion.noise[name],
        discrepancy=suggestion.discrepancy[name],
        max_increase=question.request.budget.get(name),
        budget_kept=suggestion.budget_kept.get(name),
        forms=suggestion.forms[name],
    )


def _binding(question: Question, binding: Binding) -> BindingRecord:
    limit = None if math.isnan(binding.limit) else binding.limit
    return BindingRecord(kind=binding.kind, name=binding.name, limit=limit, words=_binding_words(question, binding))


def _binding_words(question: Question, binding: Binding) -> str:
    name, limit, sizes = binding.name, binding.limit, question.sizes
    if binding.kind == "budget":
        return f"the budget: {name} may rise by {limit:.2%} over the base model"
    if binding.kind == "lower":
        return f"the bound of {name}: at least {limit:.2%}"
    if binding.kind == "upper":
        is_size = sizes.largest_share(name) < question.recipe.bounds.get(name, (0.0, 1.0))[1]
        reason = f"the size of {name}: {sizes.reasons.get(name)} of {sizes.final_tokens:,} tokens" if is_size else f"the bound of {name}"
        return f"{reason}: at most {limit:.2%}"
    if binding.kind == "hull":
        return "the evidence: a better ratio may lie outside the ratios that were run"
    return "the prior: without it, another ratio would be suggested"


def _notes(question: Question, suggestion: Suggestion) -> list[str]:
    """What a reader should know besides the figures."""
    notes = list(question.known.fit.notes)
    if not suggestion.noise_from_repeats:
        notes.append("No run was repeated with another seed, so seed noise is estimated from residuals; repeat two or three ratios to know it.")
    if suggestion.outside > 0:
        points = f"{100 * suggestion.outside:.1f} share points"
        notes.append(f"The suggested ratio lies {points} outside the convex hull of the runs, so its losses are extrapolated.")
    undrawn = question.sizes.without(question.request.sources)
    if undrawn:
        notes.append(f"No run had {', '.join(undrawn)}, so {'they get' if len(undrawn) > 1 else 'it gets'} no share.")
    return notes


def _middle(values: Array) -> float | None:
    """Median of the known values; None if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
