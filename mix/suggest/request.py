"""What is asked of a suggestion: what to lower, what must not rise, and which shares are allowed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError

Array = NDArray[np.float64]

_ROUNDING = 1e-9

CONFIRMATION_RUNS = 3
"""Runs that a confirmation asks for: two more than the one that it needs, so that seed noise does not decide whether a budget is kept. A budget is promised
for their mean, because that is what a suggestion is judged by."""


@dataclass(frozen=True)
class Request:
    """The weighted loss to minimise and its constraints, over k sources.

    `target` has the weight of each domain's loss. `budget` has the largest relative increase of a domain's loss over the base model's: .02 is 2%.
    `lower` and `upper` are float64[k] bounds of the shares, with repeat caps applied. `prior` is float64[k] shares to stay near in the sense of
    Kullback and Leibler, `prior_strength` the weight of that divergence in the unit of the loss, None to choose it by held-out error.
    `tokens`, `parameters` and `pretraining_tokens` describe the run to suggest for; NaN stands for those of the evidence. `extrapolate` allows
    shares outside the convex hull of the evidence.
    `confidence` is that of all intervals, and the probability with which the mean of the confirming runs keeps its budget.
    """

    sources: tuple[str, ...]
    target: dict[str, float]
    lower: Array
    upper: Array
    budget: dict[str, float] = field(default_factory=dict)
    prior: Array | None = None
    prior_strength: float | None = None
    tokens: float = float("nan")
    parameters: float = float("nan")
    pretraining_tokens: float = float("nan")
    extrapolate: bool = False
    confidence: float = 0.95
    seed: int = 0

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains whose losses matter: those of the target, then others of the budget."""
        return tuple(dict.fromkeys((*self.target, *self.budget)))

    def check(self, evidence_domains: tuple[str, ...], sources: tuple[str, ...]) -> None:
        """Raise MixError for a request that no ratio can meet, or that names what the evidence lacks."""
        k = len(self.sources)
        if self.sources != sources:
            raise MixError(f"the request is about the sources {', '.join(self.sources)}, the evidence about {', '.join(sources)}")
        unknown = [name for name in self.domains if name not in evidence_domains]
        if unknown:
            raise MixError(f"no losses of {', '.join(unknown)} in the evidence; it has {', '.join(evidence_domains)}")
        if not self.target or min(self.target.values()) < 0 or sum(self.target.values()) <= 0:
            raise MixError(f"target {self.target}: weights must be at least 0 and one of them above 0")
        if self.lower.shape != (k,) or self.upper.shape != (k,) or not ((self.lower >= 0) & (self.upper <= 1)).all():
            raise MixError("bounds must be one lower and one upper share per source, within 0 and 1")
        for name, low, high in zip(self.sources, self.lower, self.upper, strict=True):
            if low > high + _ROUNDING:
                raise MixError(f"bounds of {name}: at least {low:.4g} and at most {high:.4g} exclude each other")
        if self.lower.sum() > 1 + _ROUNDING:
            raise MixError(f"lower bounds sum to {self.lower.sum():.4g}; shares sum to 1")
        if self.upper.sum() < 1 - _ROUNDING:
            raise MixError(f"upper bounds and repeat caps allow shares of {self.upper.sum():.4g} in all; shares sum to 1: allow more epochs or fewer tokens")
        self._check_prior()

    def _check_prior(self) -> None:
        if self.prior is None:
            return
        if self.prior.shape != self.lower.shape or abs(self.prior.sum() - 1) > 1e-6 or (self.prior < 0).any():
            raise MixError("a prior must have one share of at least 0 per source, and sum to 1")
        barred = [name for name, share, low in zip(self.sources, self.prior, self.lower, strict=True) if share == 0 and low > 0]
        if barred:
            raise MixError(f"the prior gives {', '.join(barred)} no share, but a lower bound does")
        if self.prior_strength is not None and not self.prior_strength >= 0:
            raise MixError(f"prior_strength {self.prior_strength}: must be at least 0")
