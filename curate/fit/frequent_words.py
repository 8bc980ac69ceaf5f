"""Frequencies and lengths of a language's words."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.buffers import frozen, text_buffers
from curate.words.choice import Splitter
from curate.words.split import HAS_LETTER, HAS_NON_SYMBOL

SHARES = (0.008, 0.003, 0.002, 0.001)
"""Lower limits of a stop word's share of all words, punctuation included. The first that gives at least ENOUGH stop words is used."""
ENOUGH = 8


class WordCounts:
    """Counts of lower-cased words."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._counts: Counter[str] = Counter()
        self.n_words = 0
        self._lengths = np.zeros(3)

    def add(self, texts: pa.Array) -> None:
        """Count the words of string or large_string texts."""
        utf8, offsets = (frozen(array) for array in text_buffers(pc.utf8_lower(texts)))
        words = self._splitter.split(utf8, offsets)
        self.n_words += len(words.starts)
        lengths = words.n_chars[(words.flags & HAS_NON_SYMBOL) != 0].astype(np.float64)
        self._lengths += [len(lengths), lengths.sum(), (lengths**2).sum()]
        lettered = (words.flags & HAS_LETTER) != 0
        _, first, counts = np.unique(words.hashes[lettered], return_index=True, return_counts=True)
        starts, ends = words.starts[lettered][first], words.ends[lettered][first]
        self._counts.update({utf8[start:end].tobytes().decode(): int(count) for start, end, count in zip(starts, ends, counts, strict=True)})

    def length(self) -> tuple[float, float]:
        """Mean and standard deviation of word lengths, in characters; words of symbols only are not counted."""
        _, total, squares = self._lengths / max(self._lengths[0], 1)
        return float(total), float(np.sqrt(max(squares - total**2, 0.0)))

    def stop_words(self) -> tuple[str, ...]:
        """The most frequent words in descending order, by the first rule of FineWeb2's authors.

        These are words with a share of more than 0.8% of all words; if there are fewer than eight, of more than 0.3, 0.2 or 0.1%. Words with
        digits are left out.
        """
        chosen: list[tuple[str, int]] = []
        for share in SHARES:
            chosen = [(word, count) for word, count in self._counts.items() if count > share * self.n_words and not _has_digit(word)]
            if len(chosen) >= ENOUGH:
                break
        return tuple(word for word, _ in sorted(chosen, key=lambda entry: (-entry[1], entry[0])))


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)
