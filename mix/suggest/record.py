"""suggestion.json: what `mix suggest` writes, typed and sealed.

`evaluate report` reads it with a model of its own, and the next `mix suggest` into the same folder compares new runs with it.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mix.errors import MixError
from mix.runs.table import Unit
from mix.suggest.suggestion import Prediction
from shards.names import Checksum, Count
from shards.record import read_record

NAME = "suggestion.json"
FORMAT: Literal[1] = 1

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Shares = dict[str, Share]


class Facts(BaseModel):
    """Base of the parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Facts):
    """A predicted loss, in the unit of its domain, corrected for the optimizer's curse. `low` and `high` are the 95% interval of one run, `mean_low` and
    `mean_high` that of the mean over seeds."""

    value: Number
    low: Number
    high: Number
    mean_low: Number
    mean_high: Number

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.low <= self.mean_low <= self.value <= self.mean_high <= self.high:
            raise ValueError(f"not intervals around their value: {self.low}, {self.mean_low}, {self.value}, {self.mean_high}, {self.high}")
        return self

    def of_mean(self, n_runs: int) -> tuple[float, float]:
        """The 95% interval of the mean of `n_runs` runs, whose seed noise is independent."""

        def end(one: float, mean: float) -> float:
            near, far = mean - self.value, one - self.value
            return self.value + math.copysign(math.sqrt(near * near + max(far * far - near * near, 0) / n_runs), far)

        return end(self.low, self.mean_low), end(self.high, self.mean_high)


def estimate_of(prediction: Prediction) -> Estimate:
    """A prediction in a record. Ends that rounding brought a little beyond the next one are moved to it."""
    mean_low, mean_high = min(prediction.mean_low, prediction.value), max(prediction.mean_high, prediction.value)
    return Estimate(value=prediction.value, low=min(prediction.low, mean_low), high=max(prediction.high, mean_high), mean_low=mean_low, mean_high=mean_high)


class DomainRecord(Facts):
    """The prediction of one domain's loss at the suggested shares."""

    name: str
    unit: Unit
    weight: Share
    """share of the target; 0 for a domain outside it"""
    base: Positive | None
    """loss of the model that training starts from"""
    predicted: Estimate
    uncorrected: Number
    """predicted loss before the correction for choosing an optimum"""
    noise: Amount
    """standard deviation of one run around the mean of all seeds"""
    discrepancy: Amount
    """standard deviation of what no form of law explains"""
    max_increase: Amount | None
    """budget: largest relative increase over the base"""
    budget_kept: Share | None
    """probability that the mean of the confirming runs keeps the budget"""
    forms: dict[str, Share]
    """weight of each form of law"""


class TargetRecord(Facts):
    """The weighted target loss at the suggested shares."""

    unit: Unit
    predicted: Estimate
    uncorrected: Number
    flattery: Number
    """by how much the target, predicted at its own optimum, is too low: the correction made to it"""


class RegionRecord(Facts):
    """Ratios that are statistically as good as the suggested one: lowest and highest share of each source among them, and some of them."""

    lowest: Shares
    highest: Shares
    ratios: list[Shares]


class BindingRecord(Facts):
    """A constraint that holds the optimum back: the domain of a budget, the source of a bound or size, or the hull or the prior, which have no name."""

    kind: Literal["budget", "lower", "upper", "hull", "prior"]
    name: str
    limit: Number | None
    words: str


class NextRun(Facts):
    """A ratio worth running, and why."""

    shares: Shares
    why: str


class EvidenceRecord(Facts):
    """The runs that a suggestion was made from."""

    table: Checksum
    """hash of the table of runs"""
    runs: list[str]
    ratios: Count


class CurvePoint(Facts):
    """Predicted losses at one ratio, for the page."""

    share: Share
    losses: dict[str, tuple[Number, Number, Number]]
    """by domain: low end of the 95% interval of one run, value, high end"""


class CurveRecord(Facts):
    """Predicted losses over the share of one of two sources."""

    source: str
    points: list[CurvePoint]


class RunRecord(Facts):
    """A run of the evidence, for the page: last step of each."""

    run: str
    shares: Shares
    losses: dict[str, Number]


class Outcome(Facts):
    """One domain at the suggested ratio: predicted before, observed in the confirming runs, and estimated from both."""

    name: str
    unit: Unit
    base: Positive | None
    predicted: Estimate
    low: Number
    high: Number
    """ends of the predicted 95% interval of the mean of so many runs"""
    observed: Number
    """mean over the confirming runs"""
    inside: bool
    """whether the mean lies inside that interval"""
    combined: Estimate
    max_increase: Amount | None
    kept: bool | None
    """whether the observed mean keeps the budget; null without one"""


class ConfirmationRecord(Facts):
    """Runs at a suggested ratio that were not in the evidence of its suggestion."""

    shares: Shares
    evidence: EvidenceRecord
    """what the prediction was made from"""
    runs: Annotated[list[str], Field(min_length=1)]
    domains: list[Outcome]

    @property
    def kept(self) -> bool:
        """Whether every budget was kept, as far as there are any."""
        return all(domain.kept is not False for domain in self.domains)


class RateCandidate(Facts):
    """One combination of peak learning rate, tokens and shares, with what is predicted at its end."""

    lr: Positive
    tokens: Count
    shares: Shares
    target: Estimate
    losses: dict[str, Estimate]
    budget_kept: dict[str, Share]
    outside: str
    """where it leaves the evidence; "" if nowhere"""


class RatesRecord(Facts):
    """Learning rate, tokens and shares chosen together: all combinations, the best first, those that break a budget last."""

    tokens_per_step: Count
    flattery: Amount
    """by how much the lowest of the predicted targets is too low; the first candidate's target is corrected by it"""
    laws: dict[str, str]
    """law of each domain"""
    candidates: Annotated[list[RateCandidate], Field(min_length=1)]


class PredictedRun(Facts):
    """The kind of run that losses are predicted for: the middle of the evidence; null where it is unknown. `at_tokens` is the length that was asked for."""

    at_tokens: Count | None
    tokens: Positive | None
    parameters: Positive | None


class SuggestionRecord(Facts):
    """`suggestion.json`."""

    format: Literal[1]
    name: str
    status: Literal["provisional", "confirmed"]
    recipe_hash: Checksum
    """of the question: the recipe without paths"""
    shares: Annotated[Shares, Field(min_length=1)]
    run: PredictedRun
    final_tokens: Count | None
    """tokens of the run that the mix is for"""
    target: TargetRecord
    domains: Annotated[list[DomainRecord], Field(min_length=1)]
    region: RegionRecord
    binding: list[BindingRecord]
    outside: Amount
    """distance from the convex hull of the evidence, as the largest difference of a share"""
    next_runs: list[NextRun]
    evidence: EvidenceRecord
    confirmations: list[ConfirmationRecord]
    """in the order in which they came in; the last one is of these shares if the status is confirmed"""
    noise_from_repeats: bool
    """whether runs that were repeated tell the seed noise; otherwise residuals do"""
    prior_strength: Amount | None
    """weight of the divergence from the prior; null without a prior"""
    notes: list[str]
    rates: RatesRecord | None
    curve: CurveRecord | None
    """where there are two sources"""
    observed: list[RunRecord]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError(f"shares: they sum to {sum(self.shares.values()):.6g}")
        if self.status == "confirmed" and (not self.confirmations or self.confirmations[-1].shares != self.shares):
            raise ValueError("status: confirmed, but the last confirmation is not of these shares")
        return self

    def content(self) -> dict[str, Any]:
        """As JSON values, in the order of the fields."""
        return self.model_dump(mode="json")


def read_suggestion(folder: Path) -> SuggestionRecord | None:
    """The suggestion in a folder; None if there is none. Raises MixError for a file that is damaged, edited or of another format."""
    try:
        return read_record(Path(folder) / NAME, SuggestionRecord, error=MixError, remedy="delete it and rerun `mix suggest`", version=("format", FORMAT))
    except FileNotFoundError:
        return None
