"""Exceptions with affixes of their own, such as emoticons: spaCy puts them together again from the words of a finished document.

Follows `_apply_special_cases` and `_filter_special_spans` of `spacy/tokenizer.pyx`: the longest comes first, of equally long ones the
leftmost; what meets one that came before, kept or not, is not put together.
"""

from typing import Any

import numpy as np

from curate.signals.chunk import BYTE, NEW_END, SPAN_END, TAKEN, WORD_END, span_hash
from curate.signals.kernel import inlined, kernel
from curate.signals.spacy_tables import IS_PATTERN, WORD_ENDS, slot_of_text

_ONE = np.uint64(1)


@kernel
def join_patterns(tables: Any, chunk: Any, n_words: int) -> int:
    """Put patterns together among the chunk's words, whose ends are in `chunk[WORD_END]`; returns the new number of words."""
    for word in range(n_words):
        chunk[TAKEN, word], chunk[SPAN_END, word] = 0, 0
    for length in range(min(n_words, tables.longest_pattern), 1, -1):
        for first in range(n_words - length + 1):
            if _pattern_slot(tables, chunk, first, first + length) < 0:
                continue
            if not chunk[TAKEN, first] and not chunk[TAKEN, first + length - 1]:
                chunk[SPAN_END, first] = first + length
            chunk[TAKEN, first : first + length] = 1
    return _rewrite(tables, chunk, n_words)


@inlined
def _start_of(chunk: Any, word: int) -> int:
    return 0 if word == 0 else chunk[WORD_END, word - 1]


@kernel
def _pattern_slot(tables: Any, chunk: Any, first: int, last: int) -> int:
    """Slot of the pattern that the words first:last are, one by one, or -1."""
    low, high = _start_of(chunk, first), chunk[WORD_END, last - 1]
    if chunk[BYTE, high] - chunk[BYTE, low] > tables.longest_pattern:
        return -1
    slot = slot_of_text(tables, span_hash(tables.powers, chunk, low, high))
    if slot < 0 or not tables.meanings[slot] & IS_PATTERN:
        return -1
    ends = np.uint64(0)
    for word in range(first, last):
        ends |= _ONE << np.uint64(chunk[BYTE, chunk[WORD_END, word]] - chunk[BYTE, low])
    return slot if ends == tables.pattern_ends[slot] else -1


@kernel
def _rewrite(tables: Any, chunk: Any, n_words: int) -> int:
    """Replace the words of each span by those of its exception, which may be more."""
    n = word = low = 0
    while word < n_words:
        last = max(chunk[SPAN_END, word], word + 1)
        high = chunk[WORD_END, last - 1]
        if chunk[SPAN_END, word]:
            ends = tables.meanings[slot_of_text(tables, span_hash(tables.powers, chunk, low, high))] & WORD_ENDS
            for char in range(low + 1, high):
                if (ends >> np.uint64(chunk[BYTE, char] - chunk[BYTE, low])) & _ONE:
                    chunk[NEW_END, n] = char
                    n += 1
        chunk[NEW_END, n] = high
        n += 1
        low, word = high, last
    for k in range(n):
        chunk[WORD_END, k] = chunk[NEW_END, k]
    return n
