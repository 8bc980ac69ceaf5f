"""The loss falls with a power of the share of the domain's own source, plus an offset."""

import numpy as np
from numpy.typing import NDArray

from mix.laws.own_share import OwnShare

Array = NDArray[np.float64]

_LOWEST, _HIGHEST = 1e-6, 10.0
_FLATTEST, _STEEPEST = -1.0, 100.0
_NEARLY_LOG = 1e-4


class PowerOffset:
    """φ = (1 − (1 + r/e)^−s) / (1 − (1 + 1/e)^−s), searched in ln e and arsinh s.

    It is `log_offset` at s = 0, a straight line at s = −1, and an exponential as s and e grow together, so nothing degenerates between them.
    """

    names: tuple[str, ...] = ("e", "s")
    lower, upper = np.array([np.log(_LOWEST), np.arcsinh(_FLATTEST)]), np.array([np.log(_HIGHEST), np.arcsinh(_STEEPEST)])

    def fallen(self, share: Array, theta: Array) -> tuple[Array, Array]:
        """φ and its derivatives by ln e and arsinh s."""
        offset, power = np.exp(theta[0]), float(np.sinh(theta[1]))
        top, top_by_log, top_by_power = _grown(np.log1p(share / offset), power)
        whole, whole_by_log, whole_by_power = _grown(np.log1p(np.array([1 / offset])), power)
        ratio = top / whole
        by_offset = (top_by_log * -share / (offset + share) + ratio * whole_by_log / (1 + offset)) / whole
        return ratio, np.column_stack([by_offset, np.cosh(theta[1]) * (top_by_power - ratio * whole_by_power) / whole])

    def grid(self) -> list[Array]:
        """Offsets and powers together."""
        return [np.array([np.log(e), np.arcsinh(s)]) for e in np.geomspace(1e-5, 3, 8) for s in (-0.5, 0.0, 0.5, 2.0, 8.0, 30.0)]

    def parameters(self, theta: Array) -> dict[str, float]:
        """Offset and power."""
        return {"e": float(np.exp(theta[0])), "s": float(np.sinh(theta[1]))}

    def doubts(self, theta: Array, spread: Array) -> tuple[str, ...]:
        """Offset and power are unknown if their standard errors are a factor of e (2.7), and 1 and half of s, or more."""
        power = float(np.sinh(theta[1]))
        if power < 0.9 * _FLATTEST:
            return ("e, s: the losses are as well described by a straight line",)
        if power > 0.9 * _STEEPEST:
            return ("e, s: the losses are as well described by an exponential, which the law becomes as both grow",)
        errors = spread * np.array([1, np.cosh(theta[1])])
        limits = {"e": 1.0, "s": max(1.0, abs(power) / 2)}
        unknown = [name for name, error in zip(self.names, errors, strict=True) if error > limits[name]]
        return (f"{', '.join(unknown)}: other offsets and powers fit as well",) if unknown else ()


def _grown(log: Array, power: float) -> tuple[Array, Array, Array]:
    """g = (1 − exp(−s·u)) / s of u = `log` and s = `power`, which is u at s = 0, and its derivatives by u and by s."""
    if abs(power) < _NEARLY_LOG:
        return log - power * log**2 / 2, 1 - power * log, -(log**2) / 2 + power * log**3 / 3
    left = np.exp(-power * log)
    grown = -np.expm1(-power * log) / power
    return grown, left, (log * left - grown) / power


POWER_OFFSET = OwnShare(
    "power_offset",
    "replay sweep of this project (docs/explanation/replay.md): L = c + a·(r + e)^−s, r the share of the domain's own source",
    PowerOffset(),
)
