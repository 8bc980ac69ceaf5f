"""Evidence made from a known law, for the tests of laws."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence, Points

Array = NDArray[np.float64]


def evidence_at(shares: Array, losses: Array, *, source: int | None = None, noise: float | None = None) -> Evidence:
    """Evidence at these shares; sources are called a, b, c, …"""
    points = Points.of_shares(tuple("abcdefghijklmnopqrstuvwxyz"[: shares.shape[1]]), shares)
    return Evidence(points, np.asarray(losses, np.float64), np.arange(len(losses)), source=source, noise=noise)


def drawn(truth: Callable[[Array], Array], n_sources: int, n_runs: int, *, noise: float = 0.0, seed: int = 0, source: int | None = None) -> Evidence:
    """Runs at shares drawn evenly from the simplex, with losses of `truth` plus Gaussian noise."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(n_sources), n_runs)
    return evidence_at(shares, truth(shares) + rng.normal(0, noise, n_runs), source=source, noise=noise or None)


def two_sources(first: list[float]) -> Array:
    """float64[n, 2]: shares of two sources, given those of the first."""
    return np.column_stack([first, 1 - np.array(first)])


def grid(parameters: list[float], tokens: list[float], first: list[float], *, pretraining: list[float] | None = None) -> Points:
    """Two sources a and b at every combination of model size, tokens, share of a and, where given, pre-training tokens."""
    axes = np.meshgrid(parameters, tokens, first, [np.nan] if pretraining is None else pretraining, indexing="ij")
    sizes, amounts, shares, before = (axis.ravel() for axis in axes)
    return Points(("a", "b"), np.column_stack([shares, 1 - shares]), amounts, sizes, before, np.full((len(shares), 4), np.nan))


def measured(points: Points, truth: Callable[[Points], Array], *, noise: float = 0.0, seed: int = 0, source: int | None = 0) -> Evidence:
    """Losses of `truth` at these points plus Gaussian noise; every point is a run."""
    losses = truth(points) + np.random.default_rng(seed).normal(0, noise, len(points))
    return Evidence(points, losses, np.arange(len(points)), source=source)
