"""One law tried on one domain: fitted, tested on what is held out, and compared with the trivial guesses."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mix.errors import MixError
from mix.fit.choose import ORDER, WORDS
from mix.fit.errors import HeldOut, predict_held_out
from mix.fit.misfit import misfit
from mix.fit.record import Candidate, ErrorFacts, LackOfFitFacts
from mix.fit.rows import DomainRows
from mix.fit.splits import Split, SplitName
from mix.fit.trivial import GUESSES, Guess
from mix.fit.trivial import WORDS as GUESS_WORDS
from mix.laws.law import Array, Evidence, FittedLaw, Law

SPARE_POINTS = 2
"""Distinct points needed beyond the number of fitted parameters: fewer leave nothing to test the form with."""

ROUNDING = 1e-6
"""Part of the loss below which differences of errors mean nothing: solvers stop at about this accuracy."""

Splits = Mapping[SplitName, Split]
Baselines = Mapping[SplitName, Mapping[str, HeldOut]]
"""Errors of the trivial guesses by split and guess."""


@dataclass(frozen=True)
class Tried:
    """A candidate's facts; its fitted law and predictions of held-out rows if it could be fitted."""

    facts: Candidate
    fitted: FittedLaw | None
    held_out: dict[SplitName, HeldOut]


def baselines_of(rows: DomainRows, splits: Splits) -> dict[SplitName, dict[str, HeldOut]]:
    """The trivial guesses' predictions on each split."""
    return {
        name: {guess: predict_held_out(function, rows, split, rows.usable(split.along_runs)) for guess, function in GUESSES.items()}
        for name, split in splits.items()
    }


def try_law(law: Law, rows: DomainRows, splits: Splits, baselines: Baselines, unit: str, seed: int) -> Tried:
    """Fit a law to all rows, then to all but those that each split holds out."""
    evidence = rows.evidence.take(rows.usable(law.along_runs))
    try:
        fitted = _fit(law, evidence, seed)
    except MixError as error:
        return not_tried(law.name, law.reference, str(error))
    problem = too_few(fitted.n_free, rows, law.along_runs)
    if problem:
        return not_tried(law.name, law.reference, problem)

    def guess(known: Evidence, wanted: Evidence) -> Array:
        return _fit(law, known, seed).predict(wanted.points)

    held_out, not_tested = held_out_by(guess, rows, splits, law.along_runs)
    return Tried(facts_of(law, fitted, rows, held_out, not_tested, baselines, unit), fitted, held_out)


def _fit(law: Law, evidence: Evidence, seed: int) -> FittedLaw:
    problem = law.problem(evidence)
    if problem:
        raise MixError(problem)
    return law.fit(evidence, seed=seed)


def held_out_by(guess: Guess, rows: DomainRows, splits: Splits, along_runs: bool) -> tuple[dict[SplitName, HeldOut], dict[SplitName, str]]:
    """Predictions of each split that a law with or without steps is tested on, and why it could not be tested on others."""
    held_out: dict[SplitName, HeldOut] = {}
    not_tested: dict[SplitName, str] = {}
    for name, split in splits.items():
        if split.along_runs and not along_runs:
            continue
        try:
            held_out[name] = predict_held_out(guess, rows, split, rows.usable(along_runs))
        except MixError as error:
            not_tested[name] = str(error)
    return held_out, not_tested


def too_few(n_free: int, rows: DomainRows, along_runs: bool) -> str | None:
    """Why there are too few distinct ratios (along runs: steps of points) for this number of fitted parameters; None if enough, or if it is 0."""
    usable = rows.usable(along_runs)
    keys = np.column_stack([rows.point, rows.steps])[usable] if along_runs else rows.ratio[usable][:, None]
    there, needed = len(np.unique(keys, axis=0)), n_free + SPARE_POINTS
    if n_free == 0 or there >= needed:
        return None
    return f"needs {needed} distinct {'steps' if along_runs else 'ratios'} ({n_free} parameters and {SPARE_POINTS} to test them), and there are {there}"


def not_tried(name: str, reference: str, problem: str) -> Tried:
    """A law that could not be fitted, and why."""
    return Tried(Candidate(verdict=f"not tried: {problem}", law=name, reference=reference, problem=problem, fitted=None, n_free=None), None, {})


def facts_of(
    law: Law,
    fitted: FittedLaw,
    rows: DomainRows,
    held_out: Mapping[SplitName, HeldOut],
    not_tested: dict[SplitName, str],
    baselines: Baselines,
    unit: str,
) -> Candidate:
    """The record of a fitted law."""
    usable = rows.usable(law.along_runs)
    evidence = rows.evidence.take(usable)
    residuals = evidence.losses - fitted.predict(evidence.points)
    freedom = len(residuals) - fitted.n_free
    found = misfit(fitted, rows)
    worse = {name: better_guesses(errors, baselines[name]) for name, errors in held_out.items()}
    worse = {name: guesses for name, guesses in worse.items() if guesses}
    return Candidate(
        verdict=verdict(held_out, baselines, worse, unit),
        law=law.name,
        reference=law.reference,
        problem=None,
        fitted=fitted.record(),
        n_free=fitted.n_free,
        unidentified=list(fitted.unidentified),
        warnings=list(fitted.warnings),
        residual_deviation=float(np.sqrt(np.sum(residuals**2) / freedom)) if freedom > 0 and fitted.n_free else None,
        lack_of_fit=None if found is None else LackOfFitFacts(**found._asdict(), fails=found.fails),
        held_out={name: error_facts(errors) for name, errors in held_out.items()},
        not_tested=not_tested,
        worse_than=worse,
    )


def error_facts(errors: HeldOut) -> ErrorFacts:
    """The figures of held-out predictions for the record."""
    return ErrorFacts(
        mean_absolute=errors.mean_absolute,
        standard_error=errors.standard_error,
        root_mean_square=errors.root_mean_square,
        percent=errors.percent,
        rank_correlation=errors.rank_correlation,
        rows=len(errors.observed),
        ratios=len(errors.by_ratio),
        folds=errors.n_folds,
    )


def better_guesses(errors: HeldOut, guesses: Mapping[str, HeldOut]) -> list[str]:
    """Trivial guesses whose mean absolute error is smaller by more than rounding, best first."""
    most = errors.mean_absolute - ROUNDING * float(np.abs(errors.observed).mean())
    better = [name for name in guesses if guesses[name].mean_absolute < most]
    return sorted(better, key=lambda name: guesses[name].mean_absolute)


def verdict(held_out: Mapping[SplitName, HeldOut], baselines: Baselines, worse: Mapping[SplitName, list[str]], unit: str) -> str:
    """One sentence; splits on which a trivial guess is better come first."""
    if not held_out:
        return "not tested: nothing could be held out of these runs"
    parts = []
    for name in sorted(held_out, key=lambda name: (name not in worse, ORDER.index(name))):
        guess = min(baselines[name], key=lambda guess: baselines[name][guess].mean_absolute)
        ours, theirs = held_out[name].mean_absolute, baselines[name][guess].mean_absolute
        relation = "worse than" if name in worse else "better than"
        parts.append(f"{relation} {GUESS_WORDS[guess]} on {WORDS[name]} (off by {ours:.4g} against {theirs:.4g} {unit})")
    return "; ".join(parts)
