"""Confirmation: runs at a suggested ratio that the suggestion was not made from, compared with what it predicted."""

import numpy as np

from mix.runs.table import Array, Runs
from mix.suggest.known import Known
from mix.suggest.look import Look
from mix.suggest.record import ConfirmationRecord, DomainRecord, Estimate, Outcome, SuggestionRecord, estimate_of
from mix.suggest.suggestion import Prediction

SAME_SHARE = 1e-3
"""Largest difference of a share between a suggestion and a run that confirms it: whole rows and steps round shares."""
_SAME_NUMBER = 0.05
"""Largest relative difference in tokens or parameters from the runs that the losses were predicted for, as between runs of the evidence."""


def confirming_runs(suggestion: SuggestionRecord, known: Known) -> list[str]:
    """Names of the runs at the suggested ratio, of the size and length that was predicted for, that were not in its evidence, and that have a loss
    of every domain that was predicted."""
    runs = known.runs(suggestion.run.at_tokens)
    shares = np.array([suggestion.shares.get(name, 0.0) for name in runs.sources], np.float64)
    same = np.abs(runs.shares - shares).max(axis=1, initial=0) <= SAME_SHARE
    for name, wanted in (("tokens", suggestion.run.tokens), ("n_parameters", suggestion.run.parameters)):
        values = runs.number(name)
        if wanted is not None:
            same &= ~(np.abs(values - wanted) > _SAME_NUMBER * wanted)  # unknown numbers (NaN) are not another size
    before = frozenset(suggestion.evidence.runs)
    columns = [runs.domains.index(domain.name) for domain in suggestion.domains if domain.name in runs.domains]
    complete = np.isfinite(runs.losses[:, columns]).all(axis=1)
    return [runs.run[row] for row in np.flatnonzero(same & complete) if runs.run[row] not in before]


def confirmation_of(suggestion: SuggestionRecord, known: Known, names: list[str], looks: dict[str, Look], confidence: float) -> ConfirmationRecord:
    """What the runs `names` say of a suggestion. `looks` are what is believed at its shares by domain, of these runs and the evidence together."""
    runs = known.runs(suggestion.run.at_tokens)
    chosen = runs.take(np.array([name in names for name in runs.run], bool))
    outcomes = [_outcome(domain, _losses(chosen, domain.name), _combined(looks[domain.name], confidence)) for domain in suggestion.domains]
    return ConfirmationRecord(shares=suggestion.shares, evidence=suggestion.evidence, runs=names, domains=outcomes)


def _combined(look: Look, confidence: float) -> Estimate:
    """The loss at the one ratio of a look: no optimum was chosen after these runs, so nothing is to be corrected."""
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low, high, mean_low, mean_high = (float(look.quantile(tail, one_run=one_run)[0]) for one_run in (True, False) for tail in tails)
    value = float(look.mean[0])
    return estimate_of(Prediction(value, low, high, mean_low, mean_high, value))


def _outcome(domain: DomainRecord, losses: Array, combined: Estimate) -> Outcome:
    observed = float(losses.mean())
    low, high = domain.predicted.of_mean(len(losses))
    kept = None
    if domain.max_increase is not None and domain.base is not None:
        kept = observed <= (1 + domain.max_increase) * domain.base
    return Outcome(
        name=domain.name,
        unit=domain.unit,
        base=domain.base,
        predicted=domain.predicted,
        low=low,
        high=high,
        observed=observed,
        inside=low <= observed <= high,
        combined=combined,
        max_increase=domain.max_increase,
        kept=kept,
    )


def _losses(runs: Runs, domain: str) -> Array:
    return runs.losses[:, runs.domains.index(domain)]


def words(confirmation: ConfirmationRecord) -> list[str]:
    """One sentence for each domain."""
    n_runs = len(confirmation.runs)
    subject = "the run has" if n_runs == 1 else f"the mean of {n_runs} runs is"
    sentences = []
    for domain in confirmation.domains:
        where = "inside" if domain.inside else "outside"
        sentence = f"{domain.name}: {subject} {domain.observed:.4f} {domain.unit}, {where} the predicted {domain.low:.4f} to {domain.high:.4f}"
        if domain.kept is not None and domain.base is not None:
            increase = domain.observed / domain.base - 1
            verdict = "keeps" if domain.kept else "breaks"
            sentence += f"; {increase:+.2%} over the base {verdict} the budget of {domain.max_increase:+.2%}"
        sentences.append(sentence)
    return sentences
