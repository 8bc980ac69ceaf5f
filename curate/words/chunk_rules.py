"""spaCy's default algorithm for one chunk, in a kernel: peel prefixes and suffixes, then split at infixes.

Follows `spacy/tokenizer.pyx` step by step (`_split_affixes`, `_attach_tokens`), in linear time: spaCy itself matches the
rest of a chunk against each of its expressions for every affix. Positions are characters of the chunk.
"""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.words.affixes import infix_end, prefix_chars, suffix_chars
from curate.words.chunk import BYTE, SUFFIX_START, WORD_END, decode_chunk, span_meaning
from curate.words.spacy_tables import IS_PATTERN, WORD_ENDS
from curate.words.urls import is_url

_ONE = np.uint64(1)


@inlined
def split_by_rules(tables: Any, characters: Any, utf8: Any, start: int, end: int, chunk: Any) -> int:
    """Split utf8[start:end] into words; their ends go to `chunk[WORD_END]`. Returns their number.

    A negative number means that some words spell a pattern, which may depend on neighbouring chunks.
    """
    n_chars = decode_chunk(tables.classes, characters, utf8, start, end, chunk)
    low, high, n_words, n_suffixes = _peel_affixes(tables, n_chars, chunk)
    first_special = last_special = -1
    if low < high:
        before = n_words
        ends = span_meaning(tables, chunk, low, high) & WORD_ENDS
        if ends:
            n_words = _add_exception(chunk, low, high, ends, n_words)
            first_special, last_special = before, n_words
        else:
            n_words = _add_infixes(tables, chunk, low, high, n_words)
            if n_words > before + 1 and is_url(chunk, low, high):
                n_words = before + 1
                chunk[WORD_END, before] = high
    for k in range(n_suffixes - 1, -1, -1):
        chunk[WORD_END, n_words] = n_chars if k == 0 else chunk[SUFFIX_START, k - 1]
        n_words += 1
    if n_words > 2 and _meets_pattern(tables, chunk, n_words, first_special, last_special):
        return -n_words
    return n_words


@inlined
def _is_exception(tables: Any, chunk: Any, low: int, high: int) -> bool:
    return span_meaning(tables, chunk, low, high) & WORD_ENDS != 0


@inlined
def _peel_affixes(tables: Any, n_chars: int, chunk: Any) -> tuple[int, int, int, int]:
    """Peel one prefix and one suffix per round until nothing changes or an exception remains. Returns (low, high, words, suffixes)."""
    low, high, n_words, n_suffixes, last = 0, n_chars, 0, 0, -1
    while low < high and high - low != last and not _is_exception(tables, chunk, low, high):
        last = high - low
        prefix = prefix_chars(chunk, low, high)
        meets_exception = prefix > 0 and low + prefix < high and _is_exception(tables, chunk, low + prefix, high)
        suffix = 0 if meets_exception else suffix_chars(tables, chunk, low + prefix, high)
        if suffix > 0 and high - suffix > low and _is_exception(tables, chunk, low, high - suffix):
            meets_exception, prefix = True, 0
        if prefix > 0:
            low += prefix
            chunk[WORD_END, n_words] = low
            n_words += 1
        if suffix > 0:
            high -= suffix
            chunk[SUFFIX_START, n_suffixes] = high
            n_suffixes += 1
        if meets_exception:
            break
    return low, high, n_words, n_suffixes


@kernel
def _add_exception(chunk: Any, low: int, high: int, ends: Any, n_words: int) -> int:
    """Write the words of an exception, characters low:high. Bit b of `ends` is set if a word ends after byte b."""
    for char in range(low + 1, high + 1):
        if (ends >> np.uint64(chunk[BYTE, char] - chunk[BYTE, low])) & _ONE:
            chunk[WORD_END, n_words] = char
            n_words += 1
    return n_words


@inlined
def _add_infixes(tables: Any, chunk: Any, low: int, high: int, n_words: int) -> int:
    """Split the rest at infixes; as in spaCy, an infix at its start is skipped."""
    start, i = low, low
    while i < high:
        end = infix_end(tables.rules, chunk, low, i, high)
        if end == i:
            i += 1
            continue
        if i > low:
            if i > start:
                chunk[WORD_END, n_words] = i
                n_words += 1
            chunk[WORD_END, n_words] = end
            n_words += 1
            start = end
        i = end
    if start < high:
        chunk[WORD_END, n_words] = high
        n_words += 1
    return n_words


@inlined
def _meets_pattern(tables: Any, chunk: Any, n_words: int, first_special: int, last_special: int) -> bool:
    """Whether consecutive words spell a pattern that spaCy would merge again."""
    for first in range(n_words - 1):
        start = 0 if first == 0 else chunk[WORD_END, first - 1]
        for last in range(first + 2, n_words + 1):
            end = chunk[WORD_END, last - 1]
            if chunk[BYTE, end] - chunk[BYTE, start] > tables.longest_pattern:
                break
            is_special = first == first_special and last == last_special
            if not is_special and span_meaning(tables, chunk, start, end) & IS_PATTERN:
                return True
    return False
