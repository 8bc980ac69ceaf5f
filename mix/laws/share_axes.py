"""Shares as coordinates along the directions in which the evidence varies them.

Shares sum to one, some sources are never used, and some always go together, so k shares vary in fewer than k directions. Laws are fitted in these
directions; what a loss does along the others is not identified.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Points

Array = NDArray[np.float64]

SMALLEST_SPREAD = 1e-4
"""Standard deviation of the shares along a direction below which the evidence counts as not varying in it."""


@dataclass(frozen=True)
class ShareAxes:
    """A centre and q directions of shares. `centre` is float64[k]; `axes` is float64[k, q] with orthonormal columns, each of sum zero."""

    sources: tuple[str, ...]
    centre: Array
    axes: Array

    @classmethod
    def of(cls, sources: tuple[str, ...], shares: Array) -> "ShareAxes":
        """The directions in which `shares` float64[n, k] vary."""
        centre = shares.mean(axis=0)
        _, spread, directions = np.linalg.svd(shares - centre, full_matrices=False)
        varies = spread > SMALLEST_SPREAD * np.sqrt(len(shares))
        return cls(sources, centre, np.ascontiguousarray(directions[varies].T))

    @property
    def n_axes(self) -> int:
        """Number of directions, q."""
        return self.axes.shape[1]

    def coordinates(self, shares: Array) -> Array:
        """float64[n, q] of shares float64[n, k]."""
        return (shares - self.centre) @ self.axes

    def unidentified(self, parameter: str) -> tuple[str, ...]:
        """What the evidence does not say of a `parameter` that each source has one of, as `name: why`."""
        varies = np.abs(self.axes).max(axis=1, initial=0.0) > 1e-9
        still = [source for source, moves in zip(self.sources, varies, strict=True) if not moves]
        why = [f"{parameter} of {', '.join(still)}: the same share in every run"] if still else []
        axes = self.axes[varies]
        lost = np.eye(len(axes)) - axes @ axes.T
        lost -= 1 / max(len(axes), 1)  # the direction of the sum says nothing: shares sum to one
        amounts = iter(np.diag(lost))
        together = [source for source, moves in zip(self.sources, varies, strict=True) if moves and next(amounts) > 1e-6]
        if together:
            why.append(f"{parameter} of {', '.join(together)}: their shares only change together")
        return tuple(why)


def aligned_shares(points: Points, sources: Sequence[str]) -> Array:
    """float64[n, k]: the shares of `sources`, in this order; 0 for a source that the points lack, NaN for a row that uses a source not among them."""
    if points.sources == tuple(sources):
        return points.shares
    column = {source: index for index, source in enumerate(points.sources)}
    shares = np.zeros((len(points), len(sources)))
    for index, source in enumerate(sources):
        if source in column:
            shares[:, index] = points.shares[:, column[source]]
    others = [index for source, index in column.items() if source not in set(sources)]
    shares[(points.shares[:, others] > 0).any(axis=1)] = np.nan
    return shares
