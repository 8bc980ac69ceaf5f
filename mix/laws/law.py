"""What a law is: evidence in, a fitted law out that predicts one loss at any point."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Where a loss was measured or is predicted: n points over k sources. Unknown numbers are NaN.

    `shares` is float64[n, k], each row with sum 1. `tokens` (of continued pre-training), `parameters` and `pretraining_tokens` are float64[n].
    `areas` is float64[n, 4]: forward and annealing area of the learning rate, of pre-training and then of continued pre-training
    (S1pt, S2pt, S1cpt, S2cpt of arXiv 2505.07796; `mix.laws.areas`).
    """

    sources: tuple[str, ...]
    shares: Array
    tokens: Array
    parameters: Array
    pretraining_tokens: Array
    areas: Array

    def __len__(self) -> int:
        return len(self.shares)

    def take(self, index: NDArray[Any]) -> "Points":
        """The points with these numbers, or those where a mask is true."""
        kept = {name: getattr(self, name)[index] for name in ("shares", "tokens", "parameters", "pretraining_tokens", "areas")}
        return replace(self, **kept)

    def places(self) -> list[tuple[float, ...]]:
        """For each point a value that is equal for points of equal shares, tokens and sizes."""
        table = np.column_stack([self.shares.round(9), self.tokens, self.parameters, self.pretraining_tokens])
        return [tuple(row) for row in np.nan_to_num(table, nan=-1.0).tolist()]

    @classmethod
    def of_shares(
        cls, sources: tuple[str, ...], shares: Array, *, tokens: float = np.nan, parameters: float = np.nan, pretraining_tokens: float = np.nan
    ) -> "Points":
        """Points that differ in their shares alone; without learning-rate areas."""
        n = len(shares)
        tokens_each, parameters_each, pretraining_each = (np.full(n, float(value)) for value in (tokens, parameters, pretraining_tokens))
        return cls(sources, np.asarray(shares, np.float64), tokens_each, parameters_each, pretraining_each, np.full((n, 4), np.nan))


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of one domain's loss.

    `losses` is float64[n] in nats a token or bits per byte. `run` is int64[n]: rows of one number come from one run, whose errors go together.
    `source` is the column of the source that the domain's text comes from, None if it comes from none of them. `base` is the loss of the model
    that training starts from. `noise` is the standard deviation of a loss between seeds, where repeated runs tell it, with `noise_freedom` degrees of
    freedom; 0 where the deviation is stated and not estimated. `others` is the evidence of the other domains of the same table, for laws that share
    parameters between domains.
    """

    points: Points
    losses: Array
    run: NDArray[np.int64]
    source: int | None = None
    base: float | None = None
    noise: float | None = None
    noise_freedom: int = 0
    others: tuple["Evidence", ...] = ()

    def __len__(self) -> int:
        return len(self.losses)

    def take(self, index: NDArray[Any]) -> "Evidence":
        """The rows with these numbers (repeats are allowed), or those where a mask is true.

        A point that loses all its rows is left out of the other domains as well: what is held out is unknown of every domain.
        """
        points = self.points.take(index)
        others = self.others
        if others:
            gone = set(self.points.places()) - set(points.places())
            others = tuple(other.take(np.array([key not in gone for key in other.points.places()], bool)) for other in others)
        return replace(self, points=points, losses=self.losses[index], run=self.run[index], others=others)

    def with_losses(self, losses: Array) -> "Evidence":
        """The same points with other losses, for a bootstrap."""
        return replace(self, losses=losses)


class FittedLaw(Protocol):
    """A law with its parameters. `record` is JSON and is read back by `mix.laws.catalog.read_law`."""

    @property
    def name(self) -> str:
        """The law's name, as `--law` takes it."""
        ...

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Parameters that the evidence does not determine, each as `name: why`."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a prediction should know of this fit, each one sentence: a sign that the paper rules out, a parameter at its bound."""
        ...

    @property
    def n_free(self) -> int:
        """Number of parameters that were fitted; 0 for laws without a fixed number, such as trees, whose residuals say nothing of their errors."""
        ...

    def predict(self, points: Points) -> Array:
        """float64[n]: the loss at each point, in the unit of the evidence; NaN where the law needs a number that the point lacks."""
        ...

    def tangent(self, points: Points) -> Array | None:
        """float64[n, p]: how each prediction changes with each fitted parameter, in any coordinates of the parameters.

        Its columns span what the form could predict instead, nearby; `mix.suggest` takes its uncertainty from them. None for laws without
        parameters, such as trees. `mix.laws.tangent` has central differences for laws without a derivative of their own.
        """
        ...

    def record(self) -> dict[str, Any]:
        """Name, parameters and what else `predict` needs, as JSON values."""
        ...


class Law(Protocol):
    """A form of law. Laws hold settings and no state."""

    @property
    def name(self) -> str:
        """As `--law` takes it."""
        ...

    @property
    def reference(self) -> str:
        """The paper, and the formula in one line."""
        ...

    @property
    def along_runs(self) -> bool:
        """Whether the law predicts a loss along a run, from tokens or learning-rate areas. It is fitted to all steps of each run, others to the last."""
        ...

    def problem(self, evidence: Evidence) -> str | None:
        """Why this law cannot be fitted to this evidence, in one line; None if it can."""
        ...

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedLaw:
        """Fit it from many starts drawn with `seed`, or from the one start `start`, for a bootstrap.

        Raises MixError where `problem` names one, and where no start converges.
        """
        ...

    def read(self, record: dict[str, Any]) -> FittedLaw:
        """The fitted law of a `record`. Raises MixError for one that this law did not write."""
        ...
