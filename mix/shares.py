"""Shares of the sources over a run: how many real tokens each should have given after any number of them, and when.

Inside a stage each source's share goes linearly from its value at the beginning to that at the end, so the tokens asked of it
are a quadratic of the position, and their inverse is a square root. Everything is closed form: no step depends on the one before.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Shares(NamedTuple):
    """Shares by stage and source; a stage has a positive number of tokens and its shares sum to 1 at every point.

    A stage here is a stretch of linear shares: one of a recipe is several if its weights bend, step or are curved (`stages.StagePlan`).
    """

    stage_tokens: NDArray[np.float64]
    """(n_stages,): real tokens of each stage"""
    begin: NDArray[np.float64]
    """(n_stages, n_sources): share at the beginning of the stage"""
    end: NDArray[np.float64]
    """(n_stages, n_sources): share at its end"""

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(n_stages + 1,): tokens before each stage, and in all."""
        return np.concatenate([[0.0], np.cumsum(self.stage_tokens)])

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """(n_stages + 1, n_sources): tokens asked of each source before each stage, and in all."""
        by_stage = self.stage_tokens[:, None] * (self.begin + self.end) / 2
        return np.concatenate([np.zeros((1, self.begin.shape[1])), np.cumsum(by_stage, axis=0)])


def shares(stage_tokens: Sequence[int], weights: Sequence[Sequence[tuple[float, float]]]) -> Shares:
    """Shares from relative weights: `weights[stage][source]` is the weight at the beginning and at the end of the stage.

    Weights are divided by their sum at either end. Sums must be positive.
    """
    ends = np.asarray(weights, dtype=np.float64)  # (n_stages, n_sources, 2)
    ends = ends / ends.sum(axis=1, keepdims=True)
    return Shares(np.asarray(stage_tokens, dtype=np.float64), ends[:, :, 0], ends[:, :, 1])


def asked(shares: Shares, position: ArrayLike) -> NDArray[np.float64]:
    """(..., n_sources): tokens asked of each source within the first `position` (...) real tokens of the run."""
    where = np.asarray(position, dtype=np.float64)
    stage = np.clip(np.searchsorted(shares.bounds, where, side="right") - 1, 0, len(shares.stage_tokens) - 1)
    length = shares.stage_tokens[stage]
    done = np.clip((where - shares.bounds[stage]) / length, 0, 1)[..., None]
    inside = shares.begin[stage] * done + (shares.end[stage] - shares.begin[stage]) * done**2 / 2
    return shares.cumulative[stage] + length[..., None] * inside
