"""A collection of any size with near-duplicates: random words, with duplicates planted at known similarities.

Nothing is stored: document i of a seed is generated whenever it is requested, so a million documents need no memory.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

CHANGED = np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12])
"""Shares of words that planted copies replace; with 5-grams of words a share c leaves a similarity of about x / (2 - x), x = (1 - c)^5."""
EVERY = 5
"""Each so many documents one is a planted copy of the one before it."""
_VOCABULARY = 50_000
_MEAN_LOG_WORDS, _SD_LOG_WORDS, _MAX_WORDS = 5.1, 0.9, 20_000


def vocabulary() -> tuple[np.ndarray, np.ndarray]:
    """Words of 2 to 12 lower-case letters: `letters (n_bytes,) uint8` and `starts (_VOCABULARY + 1,) int64`, each word with a space at its end."""
    rng = np.random.default_rng(7)
    sizes = np.clip(rng.poisson(4.5, _VOCABULARY) + 1, 2, 12) + 1
    starts = np.concatenate([[0], np.cumsum(sizes)])
    letters = rng.integers(97, 123, starts[-1]).astype(np.uint8)
    letters[starts[1:] - 1] = 32
    return letters, starts


def make_batch(first: int, n_docs: int, words: tuple[np.ndarray, np.ndarray]) -> tuple[pa.Array, np.ndarray]:
    """Documents `first` and following as texts (n_docs,), and the true Jaccard similarity of each with the one before, (n_docs,) float64.

    The similarity is of sets of 5-grams of words; NaN for documents that are no planted copy. Lengths are log-normal, 165 words in
    the median, as on web pages; words have Zipf's frequencies.
    """
    n_words = np.clip(np.random.default_rng(first).lognormal(_MEAN_LOG_WORDS, _SD_LOG_WORDS, n_docs), 12, _MAX_WORDS).astype(np.int64)
    planted = (np.arange(first, first + n_docs) % EVERY == EVERY - 1) & (np.arange(n_docs) > 0)
    n_words[planted] = n_words[np.flatnonzero(planted) - 1]
    offsets = np.concatenate([[0], np.cumsum(n_words)])
    changed = np.full(n_docs, -1.0)
    changed[planted] = CHANGED[(np.arange(first, first + n_docs)[planted] // EVERY) % len(CHANGED)]
    numbers, similarity = np.empty(offsets[-1], np.int32), np.full(n_docs, np.nan)
    _choose(first, offsets, changed, numbers, similarity)
    text_offsets = np.concatenate([[0], np.cumsum(np.diff(words[1])[numbers])])[offsets]
    utf8 = np.empty(text_offsets[-1], np.uint8)
    _spell(numbers, *words, utf8)
    return pa.Array.from_buffers(pa.large_string(), n_docs, [None, pa.py_buffer(text_offsets), pa.py_buffer(utf8)]), similarity


@njit(cache=True)
def _choose(seed: int, offsets: Any, changed: Any, numbers: Any, similarity: Any) -> None:
    np.random.seed(seed % 4_294_967_291)
    for doc in range(len(changed)):
        size = offsets[doc + 1] - offsets[doc]
        here = numbers[offsets[doc] : offsets[doc + 1]]
        if changed[doc] < 0:
            for place in range(size):
                here[place] = int(_VOCABULARY ** np.random.random()) - 1
            continue
        here[:] = numbers[offsets[doc - 1] : offsets[doc]]
        n_windows, covered, n_touched = size - 4, -1, 0
        for place in range(size):
            if np.random.random() < changed[doc]:
                here[place] = np.random.randint(_VOCABULARY)
                # 5-grams that hold this word and no changed one before it.
                last = min(place, n_windows - 1)
                n_touched += last - max(place - 5, covered, -1) if last > covered else 0
                covered = max(covered, last)
        similarity[doc] = (n_windows - n_touched) / (n_windows + n_touched)


@njit(cache=True)
def _spell(numbers: Any, letters: Any, starts: Any, utf8: Any) -> None:
    place = 0
    for number in numbers:
        for at in range(starts[number], starts[number + 1]):
            utf8[place] = letters[at]
            place += 1
