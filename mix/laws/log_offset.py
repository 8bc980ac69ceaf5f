"""The loss falls with the logarithm of the share of the domain's own source, plus an offset."""

import numpy as np
from numpy.typing import NDArray

from mix.laws.own_share import OwnShare

Array = NDArray[np.float64]

_LOWEST, _HIGHEST = 1e-6, 100.0


class LogOffset:
    """φ = ln(1 + r/e) / ln(1 + 1/e), searched in ln e: a straight line as e → ∞."""

    names: tuple[str, ...] = ("e",)
    lower, upper = np.log([_LOWEST]), np.log([_HIGHEST])

    def fallen(self, share: Array, theta: Array) -> tuple[Array, Array]:
        """φ and its derivative by ln e."""
        offset = np.exp(theta[0])
        top, whole = np.log1p(share / offset), np.log1p(1 / offset)
        return top / whole, ((-share / (offset + share) + top / whole / (1 + offset)) / whole)[:, None]

    def grid(self) -> list[Array]:
        """Offsets from a share of one in a million to ten."""
        return [np.array([value]) for value in np.log(np.geomspace(2 * _LOWEST, 10, 16))]

    def parameters(self, theta: Array) -> dict[str, float]:
        """The offset."""
        return {"e": float(np.exp(theta[0]))}

    def doubts(self, theta: Array, spread: Array) -> tuple[str, ...]:
        """The offset is unknown if its standard error is a factor of e (2.7) or more, or at a bound."""
        if theta[0] > np.log(10):
            return ("e: the losses are as well described by a straight line",)
        if theta[0] <= self.lower[0]:
            return ("e: too small to tell from 0",)
        return ("e: known only within a factor of more than 2.7 either way",) if spread[0] > 1 else ()


LOG_OFFSET = OwnShare(
    "log_offset",
    "replay sweep of this project (docs/explanation/replay.md): L = c − a·ln(1 + r/e), r the share of the domain's own source",
    LogOffset(),
)
