"""How often to repeat a survivor by the size of its cluster: FineWeb2's rehydration (misc/rehydration of huggingface/fineweb-2).

Texts found a medium number of times tend to be better than those found once or thousands of times. The share of survivors that rules drop
measures this per cluster size. A size no better than average is seen once, the best size `max_repeats` times, others in proportion; then
neighbouring sizes are smoothed.
"""

from typing import NamedTuple

import numpy as np

TAIL_DOCUMENTS = 10
"""The largest sizes are grouped until the group has at least this many survivors."""


class Distribution(NamedTuple):
    """Survivors of deduplication by cluster size. All arrays (n_sizes,), sizes ascending; the last includes all larger ones."""

    sizes: np.ndarray
    survivors: np.ndarray
    """Before rules, int64."""
    removed: np.ndarray
    """Of those, dropped by rules, int64."""

    @property
    def rates(self) -> np.ndarray:
        """Share of a size's survivors that rules dropped, float64."""
        return self.removed / self.survivors

    @property
    def overall_rate(self) -> float:
        """Share of all survivors that rules dropped."""
        return float(self.removed.sum() / self.survivors.sum())


def distribution(cluster_size: np.ndarray, removed: np.ndarray, tail_documents: int = TAIL_DOCUMENTS) -> Distribution:
    """Count survivors, `cluster_size (n,) int64` at least 1 and `removed (n,) bool` each; n at least 1."""
    sizes, group = np.unique(cluster_size, return_inverse=True)
    from_here = np.cumsum(np.bincount(group)[::-1])[::-1]
    tail = max(int(np.flatnonzero(from_here >= min(tail_documents, len(cluster_size)))[-1]), 0)
    group = np.minimum(group, tail)
    return Distribution(sizes[: tail + 1], np.bincount(group), np.bincount(group, weights=removed).astype(np.int64))


def repeats(rates: np.ndarray, overall_rate: float, max_repeats: int, window: int = 5) -> np.ndarray:
    """Number of times that a document of each size is seen, (n_sizes,) int64; `rates (n_sizes,)` in the unit of `overall_rate`.

    A moving mean over `window` sizes is applied, except to the first and last `window // 2`. Halves round to even, as in the weights published
    for FineWeb2; with fewer sizes than `window`, numpy pads at the front.
    """
    best, better = rates.min(), rates < overall_rate
    exact = np.ones(len(rates))
    exact[better] += (max_repeats - 1) * (rates[better] - overall_rate) / (best - overall_rate)
    smooth, edge = np.convolve(exact, np.full(window, 1 / window), mode="same"), window // 2
    if edge:
        smooth[:edge], smooth[-edge:] = exact[:edge], exact[-edge:]
    return np.round(smooth[: len(rates)]).astype(np.int64)


def weights(sizes: np.ndarray, times: np.ndarray) -> dict[int, int]:
    """Smallest cluster size → repeats, valid up to the next key, as published for FineWeb2; one entry per change of `times (n_sizes,)`."""
    changes = np.append(True, times[1:] != times[:-1])[: len(times)]
    return dict(zip(sizes[changes].tolist(), times[changes].tolist(), strict=True))


def look_up(table: dict[int, int], cluster_size: np.ndarray) -> np.ndarray:
    """Repeats of documents, (n,) int64: the weight of the largest key ≤ `cluster_size (n,)`, or 1 below the smallest key."""
    keys = np.array(sorted(table))
    times = np.append([1], [table[key] for key in keys.tolist()])
    return times[np.searchsorted(keys, cluster_size, side="right")]
