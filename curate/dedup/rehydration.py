"""How often to repeat a survivor by the size of its cluster: FineWeb2's rehydration (misc/rehydration of huggingface/fineweb-2).

Texts found a middling number of times tend to be good, those found once or thousands of times less so, and rules know: the share of
survivors that they drop, size by size, says how good a size is. A size no better than all documents together is seen once, the
best `max_repeats` times, others in proportion between the two; then neighbouring sizes are smoothed.
"""

from typing import NamedTuple

import numpy as np

TAIL_DOCUMENTS = 10
"""The largest sizes are one group, the smallest that holds at least so many survivors."""


class Distribution(NamedTuple):
    """Survivors of deduplication by cluster size. All arrays (n_sizes,), sizes ascending; the last stands for itself and all above."""

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
    """How often a document of each size is seen, (n_sizes,) int64; `rates (n_sizes,)` in the unit of `overall_rate`.

    The mean runs over `window` sizes; the first and last `window // 2` stay as they are. Halves round to even, as in the weights
    that FineWeb2 publishes; so does the mean of fewer sizes than `window`, which numpy pads at the front.
    """
    best, better = rates.min(), rates < overall_rate
    exact = np.ones(len(rates))
    exact[better] += (max_repeats - 1) * (rates[better] - overall_rate) / (best - overall_rate)
    smooth, edge = np.convolve(exact, np.full(window, 1 / window), mode="same"), window // 2
    if edge:
        smooth[:edge], smooth[-edge:] = exact[:edge], exact[-edge:]
    return np.round(smooth[: len(rates)]).astype(np.int64)


def weights(sizes: np.ndarray, times: np.ndarray) -> dict[int, int]:
    """Smallest cluster size → repeats, up to the next key: only where `times (n_sizes,)` changes; the form that FineWeb2 publishes."""
    changes = np.append(True, times[1:] != times[:-1])[: len(times)]
    return dict(zip(sizes[changes].tolist(), times[changes].tolist(), strict=True))


def look_up(table: dict[int, int], cluster_size: np.ndarray) -> np.ndarray:
    """Repeats of documents by `weights`, (n,) int64: those of the largest key up to `cluster_size (n,)`, once below the smallest."""
    keys = np.array(sorted(table))
    times = np.append([1], [table[key] for key in keys.tolist()])
    return times[np.searchsorted(keys, cluster_size, side="right")]
