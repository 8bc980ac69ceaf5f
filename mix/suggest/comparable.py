"""Which rows of the evidence may be compared: one for each run, at the size and tokens of the request."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, Points
from mix.suggest.request import Request

Array = NDArray[np.float64]

_SAME_TOKENS = 0.05
"""Runs within 5% of each other's tokens count as equally long: packing rounds to whole rows and steps."""


def points_like(points: Points, shares: Array) -> Points:
    """Points with the tokens and sizes of the first of these points, at other shares."""
    first = points.take(np.zeros(len(shares), np.int64))
    return replace(first, shares=np.asarray(shares, np.float64))


def comparable_rows(request: Request, evidence: Evidence, domain: str) -> Evidence:
    """One row of each run: the one nearest to the request's tokens, or the last.

    Raises MixError if runs differ in tokens or parameters and the request does not say which to take, or if fewer are left than a suggestion needs.
    """
    part = evidence.take(np.isfinite(evidence.losses) & np.isfinite(evidence.points.shares).all(axis=1))
    part = _of_size(part, request, domain)
    part = part.take(_one_a_run(part, request.tokens))
    tokens = part.points.tokens[np.isfinite(part.points.tokens)]
    if np.isfinite(request.tokens):
        near = np.abs(part.points.tokens / request.tokens - 1) <= _SAME_TOKENS
        if not near.any() and len(tokens):
            raise MixError(f"{domain}: no run has {request.tokens:.4g} tokens; runs have {tokens.min():.4g} to {tokens.max():.4g}")
        part = part.take(near) if near.any() else part
    elif len(tokens) and tokens.max() > (1 + _SAME_TOKENS) * tokens.min():
        raise MixError(f"{domain}: runs have {tokens.min():.4g} to {tokens.max():.4g} tokens; say in predict.tokens which of them to predict")
    varying = int((np.ptp(part.points.shares, axis=0) > 1e-6).sum()) if len(part) else 0
    needed = max(4, varying + 2)
    n_ratios = len(np.unique(part.points.shares.round(6), axis=0))
    if n_ratios < needed:
        raise MixError(
            f"{domain}: too few runs: {n_ratios} different ratios with a loss, and a suggestion over {max(varying, 2)} sources needs at least {needed}"
        )
    return part


def _of_size(evidence: Evidence, request: Request, domain: str) -> Evidence:
    sizes = evidence.points.parameters
    known = np.unique(sizes[np.isfinite(sizes)])
    if len(known) <= 1:
        return evidence
    if not np.isfinite(request.parameters):
        raise MixError(f"{domain}: runs have {known.min():.4g} to {known.max():.4g} parameters; say in predict.parameters which of them to predict")
    same = np.isclose(sizes, request.parameters, rtol=_SAME_TOKENS)
    if not same.any():
        raise MixError(f"{domain}: no run has {request.parameters:.4g} parameters; runs have {', '.join(f'{size:.4g}' for size in known)}")
    return evidence.take(same)


def _one_a_run(evidence: Evidence, tokens: float) -> NDArray[np.int64]:
    """Row numbers: for each run the row nearest to `tokens`, or that of most tokens, or its last row."""
    age = np.nan_to_num(evidence.points.tokens, nan=0.0)
    order = -np.abs(age - tokens) if np.isfinite(tokens) else age
    best: dict[int, int] = {}
    for row, run in enumerate(evidence.run.tolist()):
        if run not in best or order[row] >= order[best[run]]:
            best[run] = row
    return np.array(list(best.values()), np.int64)
