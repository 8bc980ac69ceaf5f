"""Exceptions that contain affixes, such as emoticons: spaCy merges their words again after splitting a document.

Follows `_apply_special_cases` and `_filter_special_spans` of `spacy/tokenizer.pyx`: longer patterns first, then
from the left; a pattern that overlaps an earlier one, kept or not, is not merged. A pattern may extend over single spaces (`x:) )`): its words
stay as they are, but patterns that overlap it are not merged either.
"""

from typing import Any

import numpy as np

from curate.kernels.hashing import hash_bytes, power
from curate.kernels.kernel import inlined, kernel
from curate.kernels.simd import trailing_zeros
from curate.words.spacy_tables import IS_PATTERN, WORD_ENDS, slot_of_text

# Rows of the scratch space; columns are words.
_LENGTHS = 0
"""Bit n is set if a pattern of n words starts here; uint64 reinterpreted as int64."""
_TAKEN = 1
"""Whether an earlier pattern contains it."""
START, END = 2, 3
"""Bytes of the resulting words."""
_N_ROWS = 4
_ONE = np.uint64(1)


def new_joins(n_words: int) -> np.ndarray:
    """Scratch space for up to `n_words` words, (4, n_words) int64."""
    return np.empty((_N_ROWS, n_words), np.int64)


@kernel
def join_patterns(tables: Any, utf8: Any, words: Any, first: int, n: int, joins: Any) -> int:
    """Merge patterns among the words first:n. Writes the bytes of the results to `joins[START]` and `joins[END]`; returns their number."""
    n_words, longest = n - first, 0
    for word in range(n_words):
        lengths = _pattern_lengths(tables, words, first + word, n)
        joins[_LENGTHS, word], joins[_TAKEN, word] = np.int64(lengths), 0
        while lengths >> np.uint64(longest + 1):
            longest += 1
    for length in range(longest, 1, -1):
        for word in range(n_words - length + 1):
            if not (np.uint64(joins[_LENGTHS, word]) >> np.uint64(length)) & _ONE:
                continue
            kept = not joins[_TAKEN, word] and not joins[_TAKEN, word + length - 1] and _is_whole(words, first + word, first + word + length)
            joins[_LENGTHS, word] = np.int64(1) << length if kept else np.int64(0)
            joins[_TAKEN, word : word + length] = 1
    return _replace(tables, utf8, words, first, n_words, joins)


@inlined
def _pattern_lengths(tables: Any, words: Any, first: int, n: int) -> Any:
    """Bit k is set if words first:first + k spell a pattern."""
    lengths, hashed, ends, n_bytes = np.uint64(0), np.uint64(0), np.uint64(0), 0
    for word in range(first, n):
        width = words.ends[word] - words.starts[word]
        n_bytes += width
        if n_bytes > tables.longest_pattern:
            break
        hashed = hashed * power(tables.powers, width) + words.hashes[word]
        ends |= _ONE << np.uint64(n_bytes)
        if word > first:
            slot = slot_of_text(tables, hashed)
            if slot >= 0 and tables.meanings[slot] & IS_PATTERN and ends == tables.pattern_ends[slot]:
                lengths |= _ONE << np.uint64(word - first + 1)
    return lengths


@inlined
def _is_whole(words: Any, first: int, last: int) -> bool:
    """Whether there is no space between the words first:last."""
    for word in range(first + 1, last):  # noqa: SIM110 (kernels have no generators)
        if words.starts[word] != words.ends[word - 1]:
            return False
    return True


@kernel
def _replace(tables: Any, utf8: Any, words: Any, first: int, n_words: int, joins: Any) -> int:
    """The words, with each kept pattern replaced by the words of its exception, which may be more."""
    n = word = 0
    while word < n_words:
        length = trailing_zeros(np.uint64(joins[_LENGTHS, word])) if joins[_LENGTHS, word] else 1
        low, high = words.starts[first + word], words.ends[first + word + length - 1]
        if length > 1:
            ends = tables.meanings[slot_of_text(tables, hash_bytes(utf8, low, high))] & WORD_ENDS
            start = low
            for end in range(low + 1, high):
                if (ends >> np.uint64(end - start)) & _ONE:
                    joins[START, n], joins[END, n] = low, end
                    low = end
                    n += 1
        joins[START, n], joins[END, n] = low, high
        n += 1
        word += length
    return n
