"""Bootstrap intervals for ratios of sums over documents. Documents are resampled, never tokens."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

N_RESAMPLES = 1000
_WEIGHT_ROWS = 100


class ResampledInterval(NamedTuple):
    """An estimate and its 2.5% and 97.5% quantiles over resampled documents."""

    low: float
    estimate: float
    high: float


def ratio_interval(above: np.ndarray, below: np.ndarray, seed: int) -> ResampledInterval | None:
    """Ratio of the sums of `above` and `below`, both `(n_docs,)` counts, with a 95% bootstrap interval; None if the sum of `below` is 0."""
    if not below.sum():
        return None
    sums = np.concatenate([weights @ np.stack([above, below], 1) for weights in resamples(len(above), N_RESAMPLES, seed)])
    sums = sums[sums[:, 1] > 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return ResampledInterval(float(low), float(above.sum() / below.sum()), float(high))


def resamples(n_units: int, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each resample draws each unit: chunks of at most 100 resamples, (n, n_units) int64 each."""
    random = np.random.default_rng(seed)
    shares = np.full(n_units, 1 / n_units)
    for start in range(0, n_resamples, _WEIGHT_ROWS):
        yield random.multinomial(n_units, shares, min(_WEIGHT_ROWS, n_resamples - start))
