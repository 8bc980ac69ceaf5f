"""Suggestions of `mix suggest`: what they predict, read and checked."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from eval.errors import EvalError
from eval.report.record import Positive, Share
from shards.record import read_record
from shards.report_record import Facts, Number

Json = dict[str, Any]

_FORMAT = 1
_SAME_BASE = 0.005
"""Relative difference between two baselines above which predictions and observations don't begin at the same point. Ours."""


class _Estimate(Facts):
    value: Number
    low: Number
    high: Number

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"not an interval around its value: {self.low}, {self.value}, {self.high}")
        return self


class PredictedDomain(Facts):
    """A domain of a suggestion: the base model's loss, and the loss of one run at the suggested ratio with its 95% interval."""

    name: str
    unit: Literal["nats a token", "bits per byte"]
    base: Positive | None
    predicted: _Estimate


class SuggestionRecord(Facts):
    """`suggestion.json` of `mix suggest`."""

    format: Literal[1]
    status: Literal["provisional", "confirmed"]
    shares: Annotated[dict[str, Share], Field(min_length=1)]
    domains: Annotated[list[PredictedDomain], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_each_domain_once(self) -> Self:
        if len({domain.name for domain in self.domains}) < len(self.domains):
            raise ValueError("domains: one appears twice")
        return self


def read_suggestion(folder: Path, key: str) -> SuggestionRecord:
    """The suggestion in a folder. Raises EvalError, which begins with `key`, for one that is missing or invalid, and for losses in nats a token."""
    path = folder / "suggestion.json"
    try:
        suggestion = read_record(path, SuggestionRecord, error=EvalError, remedy="rerun `mix suggest`", version=("format", _FORMAT))
    except FileNotFoundError:
        raise EvalError(f"{key}: no {path.name} in {path.parent}; give the output folder of a finished `mix suggest`") from None
    except EvalError as error:
        raise EvalError(f"{key}: {error}") from None
    nats = [domain.name for domain in suggestion.domains if domain.unit != "bits per byte"]
    if nats:
        raise EvalError(
            f"{key}: {path} predicts {', '.join(nats)} in nats a token, and a report compares bits per byte; fit a table of runs with columns bits.NAME"
        )
    return suggestion


def predicted_change(domain: PredictedDomain) -> Json:
    """The predicted bits per byte of a domain, and their change over its base, which must be known."""
    base, predicted = domain.base or 0.0, domain.predicted
    before_after = {"before": base, "after": predicted.value}
    return before_after | {"delta": predicted.value - base, "low": predicted.low - base, "high": predicted.high - base}


def other_base(name: str, suggestion: SuggestionRecord, baseline: dict[str, float]) -> list[str]:
    """One sentence for each domain on which the suggestion's base differs from the report's baseline, given as bits per byte by domain."""
    return [
        f"{name} was suggested for a base model with {domain.base:.4f} bits per byte on {domain.name}; the baseline here has {baseline[domain.name]:.4f}. "
        "Predicted changes are over its own base."
        for domain in suggestion.domains
        if domain.base is not None and domain.name in baseline and abs(domain.base - baseline[domain.name]) > _SAME_BASE * baseline[domain.name]
    ]
