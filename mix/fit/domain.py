"""One domain: which law is chosen, and what the record says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mix.errors import MixError
from mix.fit.candidate import Baselines, Splits, Tried, baselines_of, error_facts
from mix.fit.choose import ORDER, WORDS, Contender, choose
from mix.fit.critical import critical_facts
from mix.fit.intervals import Intervals, intervals_of
from mix.fit.needed import refusal
from mix.fit.record import DomainFit, PredictionFacts, ResidualFacts, Unit
from mix.fit.rows import DomainRows, Rows, TablePoints
from mix.fit.splits import SplitName, splits_of
from mix.laws.law import Evidence, FittedLaw, Law


@dataclass(frozen=True)
class Domain:
    """A domain's loss, the laws to try on it, and what they are tested against."""

    name: str
    unit: Unit
    rows: DomainRows
    laws: tuple[str, ...]
    is_auto: bool
    splits: Splits
    baselines: Baselines


@dataclass(frozen=True)
class Choice:
    """The law chosen for a domain, the split it was chosen by (None: the recipe names it), and why."""

    tried: Tried
    split: SplitName | None
    reason: str


@dataclass(frozen=True)
class Predicted:
    """The chosen law's predictions at points of the table; `intervals` is None where fits to resampled losses failed, for the reason `problem`."""

    resampled: Sequence[FittedLaw]
    points: Rows
    values: np.ndarray
    intervals: Intervals | None
    problem: str | None


def domain_of(name: str, unit: Unit, rows: DomainRows, laws: Sequence[str], *, is_auto: bool, seed: int) -> Domain:
    """A domain with its splits and the trivial guesses' errors on them."""
    splits = splits_of(rows, seed)
    return Domain(name, unit, rows, tuple(laws), is_auto, splits, baselines_of(rows, splits))


def choice_of(domain: Domain, tried: Sequence[Tried], by: str, seed: int) -> Choice:
    """The law that the recipe names, or the one with the smallest held-out error by split `by` (auto: the first of ORDER that any law was tested on).

    Raises MixError, with the number of ratios that would be enough, if there are too few, and if no law could be tested.
    """
    fitted = [law for law in tried if law.fitted is not None]
    if not fitted:
        raise MixError(refusal(domain.name, domain.laws, tried, domain.rows, seed))
    if not domain.is_auto:
        return Choice(fitted[0], None, "named in the recipe")
    splits = [split for split in ORDER if by in ("auto", split) and any(split in law.held_out for law in fitted)]
    if not splits:
        raise MixError(f"{domain.name}: {_untested(domain, fitted, by)}; name a law to fit it untested")
    trivial = min(guess.mean_absolute for guess in domain.baselines[splits[0]].values())
    name, reason = choose([Contender(law.facts.law, law.facts.n_free or 0, law.held_out) for law in fitted], splits[0], trivial)
    return Choice(next(law for law in fitted if law.facts.law == name), splits[0], reason)


def _untested(domain: Domain, fitted: Sequence[Tried], by: str) -> str:
    """Why no law has a held-out error to be chosen by."""
    wanted = [split for split in ORDER if by in ("auto", split) and split in domain.splits]
    if not wanted:
        lacking = {"ratio": "3 distinct ratios", "size": "two model sizes", "step": "runs with losses at several steps"}
        return f"no law can be chosen: to test one, the table needs {' or '.join(lacking[split] for split in ORDER if by in ('auto', split))}"
    reasons = [f"{law.facts.law}: {law.facts.not_tested.get(wanted[0], 'predicts nothing along a run')}" for law in fitted]
    return f"no law could be tested on {WORDS[wanted[0]]} ({'; '.join(reasons)})"


def evidence_around(domain: Domain, law: Law, tried: Tried) -> Evidence:
    """The rows that a law was fitted to, with the deviation of runs around the law as `noise`.

    It is that of residuals, or between seeds where that is larger. Residuals of laws without a fixed number of parameters are too small; their
    held-out errors are used instead.
    """
    fitted, rows = tried.fitted, domain.rows
    assert fitted is not None
    evidence = rows.evidence.take(rows.usable(law.along_runs))
    residuals = evidence.losses - fitted.predict(evidence.points)
    freedom = max(len(residuals) - fitted.n_free, 1)
    if not fitted.n_free and tried.held_out:
        residuals = next(errors.predicted - errors.observed for split in ORDER if (errors := tried.held_out.get(split)))
        freedom = len(residuals)
    deviation = float(np.sqrt(np.sum(residuals**2) / freedom))
    return evidence if (evidence.noise or 0.0) > deviation else replace(evidence, noise=deviation, noise_freedom=freedom)


def predicted(
    domain: Domain, around: Evidence, fitted: FittedLaw, resampled: Sequence[FittedLaw] | MixError, table: TablePoints, confidence: float
) -> Predicted:
    """The chosen law at the points at which the domain's runs ended; `around` is `evidence_around` it."""
    numbers = np.unique(domain.rows.point[domain.rows.is_last])
    at = table.at.take(numbers)
    values = fitted.predict(at)
    if isinstance(resampled, MixError):
        return Predicted((), numbers, values, None, str(resampled))
    return Predicted(resampled, numbers, values, intervals_of(resampled, at, confidence, around.noise or 0.0, around.noise_freedom), None)


def domain_fit(domain: Domain, tried: Sequence[Tried], choice: Choice, found: Predicted, along_runs: bool, confidence: float) -> DomainFit:
    """The domain's part of the record."""
    rows, source = domain.rows, domain.rows.evidence.source
    facts = choice.tried.facts
    doubts = [found.problem] if found.problem else []
    chosen = facts.model_copy(update={"warnings": [*facts.warnings, *doubts]})
    return DomainFit(
        verdict=f"{facts.law} is {facts.verdict}" if facts.held_out else f"{facts.law}: {facts.verdict}",
        unit=domain.unit,
        source=None if source is None else rows.evidence.points.sources[source],
        base=rows.evidence.base,
        noise=rows.evidence.noise,
        noise_freedom=rows.evidence.noise_freedom,
        rows=len(rows.evidence),
        runs=int(rows.is_last.sum()),
        ratios=len(np.unique(rows.ratio)),
        chosen=facts.law,
        chosen_by=choice.split,
        reason=choice.reason,
        candidates=[chosen if law is choice.tried else law.facts for law in tried],
        trivial={split: {guess: error_facts(errors) for guess, errors in guesses.items()} for split, guesses in domain.baselines.items()},
        resamples=len(found.resampled),
        predictions=_predictions(rows, found),
        residuals=_residuals(rows, choice.tried.fitted, along_runs),
        critical=critical_facts(rows, choice.tried.fitted, found.resampled, confidence) if choice.tried.fitted is not None else None,
    )


def _predictions(rows: DomainRows, found: Predicted) -> list[PredictionFacts]:
    bounds = found.intervals._asdict() if found.intervals is not None else {}
    facts = []
    for index, point in enumerate(found.points.tolist()):
        here = rows.is_last & (rows.point == point)
        facts.append(
            PredictionFacts(
                point=point,
                runs=int(here.sum()),
                observed=float(rows.evidence.losses[here].mean()),
                value=float(found.values[index]),
                **{name: float(values[index]) for name, values in bounds.items()},
            )
        )
    return facts


def _residuals(rows: DomainRows, fitted: FittedLaw | None, along_runs: bool) -> list[ResidualFacts]:
    assert fitted is not None
    usable = rows.usable(along_runs)
    values = fitted.predict(rows.evidence.points.take(usable))
    return [
        ResidualFacts(run=rows.run[row], step=float(rows.steps[row]), observed=float(rows.evidence.losses[row]), predicted=float(value))
        for row, value in zip(usable.tolist(), values, strict=True)
    ]


def worse_first(domains: Mapping[str, DomainFit]) -> list[str]:
    """One sentence for each domain; those whose law is worse than a trivial guess come first."""
    ordered = sorted(domains, key=lambda name: not domains[name].choice.worse_than)
    return [f"{name}: {domains[name].verdict}" for name in ordered]
