"""`fit.json`: what `mix fit` found, and its files. Read by `read_fit`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mix.errors import MixError
from mix.fit.splits import SplitName
from mix.laws.catalog import read_law
from mix.laws.law import FittedLaw
from shards.atomic import file_checksum
from shards.names import Checksum, Count
from shards.record import read_record

FIT_NAME = "fit.json"
RESAMPLES_NAME = "resamples.json"
RUNS_NAME: Literal["runs.csv"] = "runs.csv"
FORMAT: Literal[1] = 1

Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Unit = Literal["nats a token", "bits per byte"]

REMEDY = "rerun `mix fit`"


class _Facts(BaseModel):
    """Base: frozen, and no other keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorFacts(_Facts):
    """How far predictions of held-out losses are off, in the unit of the loss unless stated."""

    mean_absolute: Amount
    """Mean over ratios of each ratio's mean absolute error."""
    standard_error: Amount | None
    """Of `mean_absolute`, over ratios; null for one ratio."""
    root_mean_square: Amount
    percent: Amount
    """Mean absolute error in percent of the loss."""
    rank_correlation: Number | None
    """Spearman's, over ratios; null below 8 ratios."""
    rows: Count
    ratios: Count
    folds: Count


class LackOfFitFacts(_Facts):
    """Misfit of the mean loss of each ratio against the noise between seeds."""

    reduced_chi_squared: Amount
    freedom: Count
    p: Amount
    fails: bool
    """Whether p is below .01: the form of the law does not describe these losses."""


class Candidate(_Facts):
    """One law tried on one domain."""

    verdict: str
    """One sentence; begins with `worse than` if a trivial guess predicts held-out losses better."""
    law: str
    reference: str
    problem: str | None
    """Why the law could not be fitted; null if it was."""
    fitted: dict[str, Any] | None
    """Record of the fitted law; `mix.laws.catalog.read_law` reads it."""
    n_free: Count | None
    """Number of fitted parameters; 0 for laws without a fixed number, such as trees."""
    unidentified: list[str] = []
    warnings: list[str] = []
    residual_deviation: Amount | None = None
    """Standard deviation of residuals with n − n_free degrees of freedom; null where none is left, and for laws without a fixed number of parameters."""
    lack_of_fit: LackOfFitFacts | None = None
    held_out: dict[SplitName, ErrorFacts] = {}
    not_tested: dict[SplitName, str] = {}
    worse_than: dict[SplitName, list[str]] = {}
    """Trivial guesses that predict held-out losses better, best first."""


class PointFacts(_Facts):
    """A ratio, size and number of tokens that runs ended at."""

    shares: list[Share]
    tokens: Amount | None
    parameters: Amount | None
    pretraining_tokens: Amount | None


class PredictionFacts(_Facts):
    """The chosen law at a point of the evidence: `low` to `high` for the expected loss, `run_low` to `run_high` for the loss of one more run.
    Null if no fit to resampled losses succeeded; a warning of the law says why."""

    point: Count
    """Index in `points`."""
    runs: Count
    observed: Number
    """Mean loss of the runs that ended here."""
    value: Number
    low: Number | None = None
    high: Number | None = None
    run_low: Number | None = None
    run_high: Number | None = None


class ResidualFacts(_Facts):
    """The chosen law at a row that it was fitted to."""

    run: str
    step: Number
    observed: Number
    predicted: Number


class CriticalFacts(_Facts):
    """How much of its own source a domain's loss needs to end no higher than in the base model, by the chosen law."""

    source: str
    share: Share | None
    """The smallest such share; `smallest` if all measured shares do, null if none does."""
    low: Share | None
    high: Share | None
    """Interval of `share`, cut at the measured shares; null without a share or without fits to resampled losses."""
    smallest: Share
    largest: Share
    """The measured shares of the source, between which the law is asked."""
    tokens: Amount | None
    parameters: Amount | None
    """Those of the largest and longest run, for which the share holds."""


class DomainFit(_Facts):
    """Everything that was found of one domain's loss."""

    verdict: str
    """The chosen law's verdict."""
    unit: Unit
    source: str | None
    """The source that the domain's text comes from."""
    base: Number | None
    """Loss of the model that training starts from."""
    noise: Amount | None
    """Standard deviation of the loss between seeds."""
    noise_freedom: Count
    """Degrees of freedom of `noise`."""
    rows: Count
    runs: Count
    ratios: Count
    chosen: str
    chosen_by: SplitName | None
    """The held-out rows that the law was chosen by; null if the recipe names the law."""
    reason: str
    candidates: list[Candidate]
    trivial: dict[SplitName, dict[str, ErrorFacts]]
    resamples: Count
    """Number of laws that were fitted to resampled losses; `resamples.json` holds them, except those of trees."""
    predictions: list[PredictionFacts]
    residuals: list[ResidualFacts]
    critical: CriticalFacts | None
    """Null where the base's loss or the domain's source is unknown, and where the source's share never changes."""

    @property
    def choice(self) -> Candidate:
        """The chosen law's facts."""
        return next(candidate for candidate in self.candidates if candidate.law == self.chosen)

    @property
    def law(self) -> FittedLaw:
        """The chosen law. Raises MixError if its record does not fit its form."""
        record = self.choice.fitted
        if record is None:
            raise MixError(f"{FIT_NAME}: the chosen law {self.chosen} has no parameters; {REMEDY}")
        return read_law(record)


class TableFacts(_Facts):
    """The cleaned table of runs beside the record."""

    file: Literal["runs.csv"]
    checksum: Checksum
    rows: Count
    runs: Count
    sources: list[str]
    contents: list[str]
    """Content hash of each source, "" where unknown."""


class Fit(_Facts):
    """The content of `fit.json`."""

    verdict: list[str]
    """One sentence a domain; domains whose law is worse than a trivial guess come first."""
    format: Literal[1]
    recipe: dict[str, Any]
    recipe_hash: Checksum
    table: TableFacts
    resamples: Checksum
    """Of `resamples.json`."""
    notes: list[str]
    """What was cleaned in the table."""
    points: list[PointFacts]
    domains: dict[str, DomainFit]


class Resamples(_Facts):
    """The content of `resamples.json`: by domain, records of the chosen law fitted to resampled losses."""

    format: Literal[1]
    domains: dict[str, list[dict[str, Any]]]


def read_fit(folder: Path) -> Fit:
    """The fit in a folder of `mix fit`. Raises MixError if it is missing, damaged or of another version, or if the table beside it was changed."""
    path = Path(folder) / FIT_NAME
    try:
        fit = read_record(path, Fit, error=MixError, remedy=REMEDY, version=("format", FORMAT))
    except FileNotFoundError:
        raise MixError(f"{path}: missing; give the folder that `mix fit` wrote") from None
    _refuse_changed(path.parent / RUNS_NAME, fit.table.checksum)
    return fit


def read_resamples(folder: Path, fit: Fit, domain: str) -> list[FittedLaw]:
    """The chosen law of a domain, fitted to resampled losses; none for laws of trees, which are not kept. Raises MixError if `resamples.json` is missing,
    damaged or of another fit."""
    path = Path(folder) / RESAMPLES_NAME
    _refuse_changed(path, fit.resamples)
    records = read_record(path, Resamples, error=MixError, remedy=REMEDY, version=("format", FORMAT)).domains
    if domain not in records:
        raise MixError(f"{path}: no domain {domain}; the domains are {', '.join(records)}")
    return [read_law(record) for record in records[domain]]


def _refuse_changed(path: Path, checksum: str) -> None:
    try:
        changed = file_checksum(path) != checksum
    except OSError as error:
        raise MixError(f"{path}: cannot be read ({error.strerror or error}); {REMEDY}") from None
    if changed:
        raise MixError(f"{path}: was changed after the fit that {FIT_NAME} describes; {REMEDY}")
