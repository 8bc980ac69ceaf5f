"""The ratios that a fit is least sure of, chosen one after another, each given those before it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.fit.record import DomainFit, Fit, read_fit, read_resamples
from mix.laws.law import Points
from mix.proxies.sources import Sources

Array = NDArray[np.float64]

_MOST_CANDIDATES = 2000
_LEAST_NOISE = 1e-6
"""Least noise of a run, in the unit of the loss, where the fit knows none."""


def least_sure(folder: Path, sources: Sources, tokens: int, n: int, seed: int) -> Array:
    """float64[n, k]: the ratios where a run of `tokens` would tell most, by the fit in `folder`.

    The spread of the laws fitted to resampled losses is taken as what is not known: a Gaussian over the losses at candidate ratios. A ratio counts by the
    sum over domains of its variance in units of the noise of a run, and after each choice the variances are those given a run there (sequential design, as
    in Seo et al. 2000, "active learning MacKay"). Raises MixError if the fit lacks a source, or if its laws cannot predict such runs.
    """
    fit = read_fit(folder)
    missing = [name for name in sources.names if name not in fit.table.sources]
    if missing:
        raise MixError(f"design.fit: {folder} knows no runs with {', '.join(missing)}; its sources are {', '.join(fit.table.sources)}")
    candidates = candidate_shares(sources, seed)
    points = _points(fit, sources, candidates, tokens)
    spreads = [spread for name, domain in fit.domains.items() if (spread := _spread(folder, fit, name, domain, points)) is not None]
    if not spreads:
        raise MixError(f"design.fit: no law in {folder} predicts a run by shares, tokens and size alone; choose another law with `mix fit --law`")
    return candidates[greedy(spreads, n)]


def greedy(spreads: list[Array], n: int) -> list[int]:
    """Indices of n candidates. `spreads` has a covariance float64[m, m] for each domain, in units of the variance of a run's noise."""
    remaining = [spread.copy() for spread in spreads]
    chosen: list[int] = []
    for _ in range(n):
        gain = np.sum([np.diagonal(spread) for spread in remaining], axis=0)
        best = int(np.argmax(np.round(gain, 9)))
        chosen.append(best)
        remaining = [spread - np.outer(spread[:, best], spread[best]) / (spread[best, best] + 1) for spread in remaining]
    return chosen


def candidate_shares(sources: Sources, seed: int) -> Array:
    """float64[m, k]: ratios that the sources' sizes allow. Raises MixError if there is none."""
    k = len(sources.names)
    if k == 2:
        first = np.linspace(0, 1, 101)
        shares = np.column_stack([first, 1 - first])
    else:
        draws = np.random.default_rng([seed, 0x17]).dirichlet(np.full(k, 0.7), 4 * _MOST_CANDIDATES)
        shares = np.concatenate([np.eye(k), draws])
    allowed = shares[(shares <= sources.largest + 1e-9).all(axis=1)][:_MOST_CANDIDATES]
    if not len(allowed):
        raise MixError("design: the sources' sizes allow no ratio that was tried; raise their max_epochs, or lower tokens")
    return allowed


def _points(fit: Fit, sources: Sources, candidates: Array, tokens: int) -> Points:
    """The candidates as points of the fit, whose sources may have another order and may be more."""
    shares = np.zeros((len(candidates), len(fit.table.sources)))
    for column, name in enumerate(sources.names):
        shares[:, fit.table.sources.index(name)] = candidates[:, column]
    sizes = [point.parameters for point in fit.points if point.parameters is not None]
    before = [point.pretraining_tokens for point in fit.points if point.pretraining_tokens is not None]
    return Points.of_shares(
        tuple(fit.table.sources),
        shares,
        tokens=tokens,
        parameters=float(np.median(sizes)) if sizes else np.nan,
        pretraining_tokens=float(np.median(before)) if before else np.nan,
    )


def _spread(folder: Path, fit: Fit, name: str, domain: DomainFit, points: Points) -> Array | None:
    """Covariance float64[m, m] of the domain's loss at the points, in units of its noise; None where its laws do not predict them."""
    drawn = np.array([law.predict(points) for law in read_resamples(folder, fit, name)])
    drawn = drawn[np.isfinite(drawn).all(axis=1)] if len(drawn) else drawn
    if len(drawn) < 2:
        return None
    noise = max(domain.noise or domain.choice.residual_deviation or 0.0, _LEAST_NOISE)
    return np.atleast_2d(np.cov(drawn / noise, rowvar=False))
