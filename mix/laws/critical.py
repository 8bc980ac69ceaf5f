"""Shares that a budget allows: where a loss crosses a level, on a table of points or along a fitted law."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import FittedLaw, Points

Array = NDArray[np.float64]

N_GRID = 2001
"""Shares at which a law is evaluated before a crossing is refined."""


@dataclass(frozen=True)
class Crossing:
    """The largest share of a domain whose loss is within the limit, and that loss.

    `gaps` are the ranges of smaller shares that exceed the limit: not empty where the loss does not simply rise with the share. `limited` says whether the
    loss reaches the limit at the share; if not, the share is the largest that was asked for.
    """

    share: float
    loss: float
    limited: bool
    gaps: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Optimum:
    """The share with the lowest loss, and that loss. `inside` is false at an end of the shares that were asked for."""

    share: float
    loss: float
    inside: bool


def crossing(shares: Array, losses: Array, limit: float) -> Crossing:
    """The largest share with a loss of at most `limit` on the line through measured points, float64[n] each, in any order.

    Raises MixError for fewer than two points, for repeated shares, and if all losses exceed the limit: the message says the smallest loss and its share.
    """
    order = np.argsort(shares, kind="stable")
    x, y = np.asarray(shares, np.float64)[order], np.asarray(losses, np.float64)[order]
    if len(x) < 2 or (np.diff(x) == 0).any() or not np.isfinite(y).all():
        raise MixError(f"a crossing needs losses at two or more different shares; there are {len(x)} rows, {len(np.unique(x))} different shares")
    inside = y <= limit
    if not inside.any():
        raise MixError(f"no share keeps the loss at or below {limit:.4g}: the smallest is {y.min():.4g}, at a share of {x[y.argmin()]:.4g}")
    last = int(np.flatnonzero(inside)[-1])
    gaps = _outside(x[: last + 1], inside[: last + 1])
    if last == len(x) - 1:
        return Crossing(float(x[last]), float(y[last]), False, gaps)
    share = x[last] + (limit - y[last]) / (y[last + 1] - y[last]) * (x[last + 1] - x[last])
    return Crossing(float(share), limit, True, gaps)


def line(template: Points, domain: str, shares: Array) -> Points:
    """Points with these shares of `domain`, float64[n], the other sources keeping their proportions in `template`'s first row.

    Tokens, parameters and areas are those of that row. Raises MixError for an unknown source, and where the other sources have no share to scale.
    """
    if domain not in template.sources:
        raise MixError(f"no source {domain}; the sources are {', '.join(template.sources)}")
    column = template.sources.index(domain)
    rest = template.shares[0].copy()
    rest[column] = 0.0
    if rest.sum() <= 0 and len(rest) == 2:
        rest[1 - column] = 1.0
    if rest.sum() <= 0:
        raise MixError(f"the other sources have no share beside {domain}, so their proportions are unknown")
    along = template.take(np.zeros(len(shares), np.int64))
    mixed = (1 - shares)[:, None] * rest / rest.sum()
    mixed[:, column] = shares
    return replace(along, shares=mixed)


def largest_share(law: FittedLaw, template: Points, domain: str, limit: float, *, low: float = 0.0, high: float = 1.0) -> Crossing:
    """The largest share of `domain` between `low` and `high` at which the law keeps another domain's loss at or below `limit`.

    Tokens, size and the proportions of the other sources come from `template`. The critical share of continued pre-training is this with the limit at the
    base model's loss; D-CPT's first use (arXiv 2406.01375) is this at the base's loss times 1 + T. Raises MixError where the law predicts nothing, and
    where no share keeps the limit: the message says the smallest loss and its share.
    """
    return _last_within(law, lambda shares: law.predict(line(template, domain, shares)), limit, low, high)


def smallest_share(law: FittedLaw, template: Points, source: str, limit: float, *, low: float = 0.0, high: float = 1.0) -> Crossing:
    """The smallest share of `source` between `low` and `high` at which the law keeps a loss that falls with it at or below `limit`.

    `gaps` are ranges of larger shares that exceed the limit. Otherwise as `largest_share`, which asks the same of a source that raises the loss.
    """
    found = _last_within(law, lambda mirrored: law.predict(line(template, source, low + high - mirrored)), limit, low, high)
    gaps = tuple((low + high - stop, low + high - start) for start, stop in reversed(found.gaps))
    return replace(found, share=low + high - found.share if found.limited else low, gaps=gaps)


def _last_within(law: FittedLaw, losses_at: Callable[[Array], Array], limit: float, low: float, high: float) -> Crossing:
    """The largest x between low and high with a loss within the limit."""
    from scipy.optimize import brentq

    x = np.linspace(low, high, N_GRID)
    losses = losses_at(x)
    known = np.isfinite(losses)
    if not known.any():
        raise MixError(f"{law.name} predicts no loss here; does the point state the tokens and parameters that the law needs?")
    coarse = crossing(x[known], losses[known], limit)
    if not coarse.limited:
        return coarse

    def excess(at: float) -> float:
        return float(losses_at(np.array([at]))[0] - limit)

    step = (high - low) / (N_GRID - 1)
    left, right = max(low, coarse.share - step), min(high, coarse.share + step)
    share = brentq(excess, left, right, xtol=1e-10) if excess(left) * excess(right) < 0 else coarse.share
    return replace(coarse, share=float(share), loss=excess(float(share)) + limit)


def best_limited_share(law: FittedLaw, template: Points, domain: str, domain_tokens: float, *, low: float = 0.01, high: float = 1.0) -> Optimum:
    """The share of `domain` that gives its own loss the lowest value when its text has `domain_tokens` tokens in all, each used once.

    A smaller share r then means more tokens: domain_tokens / r. This is D-CPT's second use (arXiv 2406.01375). Raises MixError where the law does not
    predict, and where it has no term of tokens, so that the answer would only be the largest share.
    """
    from scipy.optimize import minimize_scalar

    def at(shares: Array) -> Array:
        return law.predict(replace(line(template, domain, shares), tokens=domain_tokens / shares))

    shares = np.linspace(low, high, N_GRID)
    losses = at(shares)
    if not np.isfinite(losses).any():
        raise MixError(f"{law.name} predicts no loss here; does the point state the parameters that the law needs?")
    half, twice = (law.predict(replace(line(template, domain, shares[-1:]), tokens=np.array([domain_tokens * factor]))) for factor in (0.5, 2.0))
    if half[0] == twice[0]:
        raise MixError(f"{law.name} as fitted does not depend on tokens, so it cannot weigh a small share against fewer tokens")
    best = int(np.nanargmin(losses))
    left, right = shares[max(best - 1, 0)], shares[min(best + 1, N_GRID - 1)]
    found = minimize_scalar(lambda share: float(at(np.array([share]))[0]), bounds=(left, right), method="bounded", options={"xatol": 1e-9})
    share = float(found.x) if found.fun < losses[best] else float(shares[best])
    return Optimum(share, float(at(np.array([share]))[0]), 0 < best < N_GRID - 1)


def _outside(x: Array, inside: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Ranges of x, each from its first to its last point, that are not inside."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], inside, [True]]).astype(np.int8)))
    return tuple((float(x[start]), float(x[stop - 1])) for start, stop in zip(edges[::2], edges[1::2], strict=True))
