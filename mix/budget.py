"""Whether the sources hold what a mix requests, and what to do if not."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.shares import Shares

_ROUNDING = 1e-9
"""Tolerance above a source's cap, as a fraction of it: shares are floating-point numbers. The stated largest total includes it."""


class Cap(NamedTuple):
    """Limits of a source: its real tokens, the maximum epochs over them, the maximum tokens in all, and the tokens that it gave already (in the rows
    that a mix extends)."""

    available: int
    max_epochs: float = 1.0
    max_tokens: int | None = None
    given: float = 0.0

    @property
    def tokens(self) -> float:
        """The most tokens that may still be drawn."""
        return max(0.0, min(self.available * self.max_epochs, math.inf if self.max_tokens is None else self.max_tokens) - self.given)

    def __str__(self) -> str:
        given = f", of which {self.given:,.0f} were given before" if self.given else ""
        if self.max_tokens is not None and self.max_tokens <= self.available * self.max_epochs:
            return f"its max_tokens is {self.max_tokens:,}{given}"
        return f"it holds {self.available:,} × max_epochs {self.max_epochs:g} = {self.available * self.max_epochs:,.0f}{given}"


class Budget(NamedTuple):
    """A feasible mix: epochs over each source, including those of tokens given before, and the largest total at the same weights with the source that
    limits it."""

    epochs: dict[str, float]
    largest_total: float
    limiting: str


def budget(asked: Mapping[str, float], caps: Mapping[str, Cap], scope: str = "in total") -> Budget:
    """Compare the tokens requested from each source with its cap; all sizes in real (non-pad) tokens, by source.

    Raises MixError if a request exceeds its cap. The message names the source that allows the smallest total, its share, its size times its cap,
    the largest feasible total, and the smallest cap that would do; `scope` says there which tokens the total counts.
    """
    total = sum(asked.values())
    headroom = {name: caps[name].tokens / tokens for name, tokens in asked.items() if tokens > 0}
    blocking = min(headroom, key=lambda name: headroom[name])
    if headroom[blocking] < 1 - _ROUNDING:
        raise MixError(_refusal(blocking, caps[blocking], asked[blocking], total, scope))
    drawn = {name: tokens + caps[name].given for name, tokens in asked.items()}
    epochs = {name: tokens / caps[name].available if tokens else 0.0 for name, tokens in drawn.items()}
    return Budget(epochs, total * headroom[blocking], blocking)


def _refusal(name: str, cap: Cap, asked: float, total: float, scope: str) -> str:
    share = f"source {name} blocks this mix: {asked / total:.2%} of {total:,.0f} tokens is {asked:,.0f}"
    if not cap.available:
        return f"{share}, but it holds none; add tokens to it, or remove its weights"
    drawn = asked + cap.given
    key, needed = "max_epochs", f"{math.ceil(drawn / cap.available * 100) / 100}"
    if cap.max_tokens is not None and cap.max_tokens < drawn:
        key, needed = "max_tokens", f"{math.ceil(drawn)}"
    return (
        f"{share}, but {cap}; request at most {math.floor(total * cap.tokens / asked / (1 - _ROUNDING)):,} tokens {scope}, "
        f"or set sources.{name}.{key} to {needed}, or lower its weight, or set cap to spill"
    )


def spill(shares: Shares, caps: NDArray[np.float64], names: list[str]) -> tuple[Shares, NDArray[np.int64]]:
    """Shares that request at most `caps` (n_sources,) tokens of each source, and the indices of the sources that were capped.

    The share of a source above its cap keeps its course but is scaled down to the cap. At every point the others take up the difference in
    proportion to their shares. Repeated until no source is above its cap. Raises MixError where no source is left to take it up.
    """
    capped: list[int] = []
    free = np.ones(len(caps), bool)
    while len(over := np.flatnonzero(free & (shares.cumulative[-1] > caps * (1 + _ROUNDING)))):
        scale = np.ones(len(caps))
        scale[over] = caps[over] / shares.cumulative[-1][over]
        free[over] = False
        capped += over.tolist()
        shares = shares._replace(begin=_spilled(shares.begin, scale, free, names), end=_spilled(shares.end, scale, free, names))
    return shares, np.array(sorted(capped), np.int64)


def _spilled(ends: NDArray[np.float64], scale: NDArray[np.float64], free: NDArray[np.bool_], names: list[str]) -> NDArray[np.float64]:
    """Shares at one end of every piece: capped sources scaled, free ones stretched so that the sum is 1."""
    capped = (ends * scale)[:, ~free].sum(axis=1)
    uncapped = ends[:, free].sum(axis=1)
    if (stuck := np.flatnonzero((uncapped <= 0) & (capped < 1 - _ROUNDING))).size:
        blocked = ", ".join(names[source] for source in np.flatnonzero(~free & (ends[stuck[0]] > 0)))
        raise MixError(
            f"cap: spill has no source to spill to: at some point of the run only {blocked} have weight, and they hold too few tokens; "
            "give other sources a weight there too"
        )
    stretch = np.divide(1 - capped, uncapped, out=np.ones_like(uncapped), where=uncapped > 0)
    return np.where(free, ends * stretch[:, None], ends * scale)
