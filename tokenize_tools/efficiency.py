"""Rényi efficiency: how evenly a tokenizer uses its vocabulary (Zouhar et al. 2023, order 2.5)."""

import numpy as np

from tokenize_tools.intervals import ResampledInterval, resamples

ORDER = 2.5
_N_BLOCKS = 100
_N_RESAMPLES = 200


def renyi_efficiency(counts: np.ndarray, n_vocab: int) -> np.ndarray:
    """H_2.5(p) / log(n_vocab) of each row of `counts (..., n_types)` with shares p; 1 if all `n_vocab` ids are equally frequent.

    It is lower for less text, so compare figures only on the same documents.
    """
    counts = np.asarray(counts, np.float64)
    shares = counts / counts.sum(axis=-1, keepdims=True)
    return np.log((shares**ORDER).sum(axis=-1)) / (1 - ORDER) / np.log(n_vocab)


def efficiency_interval(ids: np.ndarray, offsets: np.ndarray, n_vocab: int, seed: int) -> ResampledInterval | None:
    """Efficiency over documents `ids[offsets[i]:offsets[i + 1]]` with a 95% interval; None without tokens or if `n_vocab` < 2.

    The interval resamples blocks: documents are divided into at most 100 blocks.
    """
    if not len(ids) or n_vocab < 2:
        return None
    types, type_indices = np.unique(ids, return_inverse=True)
    n_blocks = min(_N_BLOCKS, len(offsets) - 1)
    block = np.repeat(np.arange(len(offsets) - 1) % n_blocks, np.diff(offsets))
    blocks = np.bincount(block * len(types) + type_indices, minlength=n_blocks * len(types)).reshape(n_blocks, len(types)).astype(np.float32)
    drawn = [weights.astype(np.float32) @ blocks for weights in resamples(n_blocks, _N_RESAMPLES, seed)]
    values = np.concatenate([renyi_efficiency(counts[counts.sum(1) > 0], n_vocab) for counts in drawn])
    low, high = np.quantile(values, [0.025, 0.975])
    return ResampledInterval(float(low), float(renyi_efficiency(blocks.sum(0, dtype=np.float64), n_vocab)), float(high))
