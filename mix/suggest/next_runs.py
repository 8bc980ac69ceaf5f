"""The next experiments worth running: where a run would tell most about the best ratio."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.region import far_apart
from mix.suggest.request import Request
from mix.suggest.suggestion import NextRun

Array = NDArray[np.float64]


def next_runs(request: Request, beliefs: Beliefs, best: Array, shares: Array, n: int = 3) -> tuple[NextRun, ...]:
    """The suggested ratio itself, which confirms it, then ratios among float64[m, k] `shares` whose target is least sure."""
    looks = beliefs.look(shares)
    total = sum(request.target.values())
    variance = sum((weight / total * looks[name].sd) ** 2 for name, weight in request.target.items())
    order = np.argsort(-variance, kind="stable")[: max(20, n)]
    spread = far_apart(shares[order], best, n - 1)
    return (NextRun(best, "confirms the suggestion"), *(NextRun(point, "the expected loss is least sure here") for point in spread))
