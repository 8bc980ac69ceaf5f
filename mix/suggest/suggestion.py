"""What a suggestion says: shares, predicted losses, and how sure they are."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """A predicted loss at the suggested shares, in the unit of the evidence.

    `value` is corrected for the optimizer's curse; `uncorrected` is not. `low` and `high` bound the loss of one run (fit, form and seed noise),
    `mean_low` and `mean_high` the mean over seeds. `base` is the loss of the model that training starts from, None if unknown or not one domain's.
    """

    value: float
    low: float
    high: float
    mean_low: float
    mean_high: float
    uncorrected: float
    base: float | None = None


@dataclass(frozen=True)
class Region:
    """Ratios that are statistically as good as the suggested one: float64[k] lowest and highest share of each source among them, and float64[m, k]
    a few of them, far apart."""

    lowest: Array
    highest: Array
    examples: Array


@dataclass(frozen=True)
class Binding:
    """A constraint that holds the optimum back.

    `name` is the domain of a budget or the source of a bound; "" for the hull of the evidence and the prior. `limit` is the largest relative increase, or
    the share; NaN for the hull and the prior.
    """

    kind: Literal["budget", "lower", "upper", "hull", "prior"]
    name: str
    limit: float


@dataclass(frozen=True)
class NextRun:
    """Shares float64[k] of an experiment that would improve the suggestion most, and the reason."""

    shares: Array
    why: str


@dataclass(frozen=True)
class Suggestion:
    """Suggested shares, float64[k], with what is believed there.

    `target` predicts the weighted loss. `flattery` is the estimated amount by which the predicted target at its own optimum is too low, in the unit
    of the loss: it is the correction made to `target`. `outside` is the largest difference in one source's share to the nearest ratio inside the
    convex hull of the evidence, 0 inside.
    `budget_kept` is the probability with which the mean of the confirming runs keeps each budget.
    `forms` is the weight of each form
    of law in each domain's prediction. `discrepancy` is, for each domain, the standard deviation of what no form explains, and `noise` that of one
    run against the mean of all seeds; `noise_from_repeats` says whether repeated runs tell the noise, which residuals have to tell otherwise.
    `prior_strength` is the one used.
    """

    shares: Array
    domains: dict[str, Prediction]
    target: Prediction
    flattery: float
    region: Region
    binding: tuple[Binding, ...]
    outside: float
    budget_kept: dict[str, float]
    forms: dict[str, dict[str, float]]
    discrepancy: dict[str, float]
    noise: dict[str, float]
    noise_from_repeats: bool
    prior_strength: float
    next_runs: tuple[NextRun, ...]


class BudgetNotMet(MixError):
    """No allowed ratio keeps the budget. `smallest` has, for each domain with a budget, the smallest increase that can be promised, as a fraction of the
    base model's loss, and the shares float64[k] where that is."""

    def __init__(self, message: str, smallest: dict[str, tuple[float, Array]]) -> None:
        super().__init__(message)
        self.smallest = smallest
