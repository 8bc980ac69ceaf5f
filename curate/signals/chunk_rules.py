"""spaCy's default algorithm for one chunk, in a kernel: peel prefixes and suffixes, then split at infixes.

Follows `spacy/tokenizer.pyx` step by step (`_split_affixes`, `_attach_tokens`). Positions are characters of the chunk. What the
kernel can't decide for certain (long chunks, e-mail-like ones, exceptions met across tokens) is left to spaCy itself.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.signals.characters import code_point_at, width_at
from curate.signals.chunks import find_exception
from curate.signals.hashing import BASE, set_slot
from curate.signals.kernel import kernel
from curate.signals.marks import (
    APOSTROPHE,
    CARET,
    COLON,
    COMMA,
    DEGREE,
    DEGREE_SCALES,
    DOLLAR,
    DOT,
    ELLIPSIS,
    EM_DASH,
    EN_DASH,
    EQUALS,
    HYPHEN,
    LESS,
    LETTER_A,
    LETTER_C,
    LETTER_S,
    LETTER_U,
    MORE,
    PLUS,
    RIGHT_QUOTE,
    SLASH,
    SMALL_S,
    STAR,
    TILDE,
)
from curate.signals.spacy_tables import DOT_LEFT, ENGLISH_RULES, INFIX, LETTER, LOWER, PREFIX, QUOTE, SUFFIX, UPPER
from curate.signals.urls import is_url

MAX_CHARS = 256
_ONE = np.uint64(1)


class Chunk(NamedTuple):
    """One chunk, decoded, and the words found in it."""

    codes: np.ndarray
    """(MAX_CHARS,) int32: code points."""
    classes: np.ndarray
    """(MAX_CHARS,) uint8: flags of `spacy_tables`."""
    bytes_at: np.ndarray
    """(MAX_CHARS + 1,) int64: byte in the text at which each character starts."""
    hashes: np.ndarray
    """(MAX_CHARS + 1,) uint64: hash of the bytes before each character."""
    ends: np.ndarray
    """(MAX_CHARS,) int64: words found so far: the character after each."""
    suffixes: np.ndarray
    """(MAX_CHARS,) int64: suffixes peeled so far, outermost first: where each starts."""


def new_chunk() -> Chunk:
    """Scratch space for `split_by_rules`."""
    return Chunk(
        codes=np.zeros(MAX_CHARS, np.int32),
        classes=np.zeros(MAX_CHARS, np.uint8),
        bytes_at=np.zeros(MAX_CHARS + 1, np.int64),
        hashes=np.zeros(MAX_CHARS + 1, np.uint64),
        ends=np.zeros(MAX_CHARS, np.int64),
        suffixes=np.zeros(MAX_CHARS, np.int64),
    )


@kernel
def split_by_rules(tables: Any, exceptions: Any, utf8: Any, start: int, end: int, chunk: Any) -> int:
    """Split utf8[start:end] into words; their ends go to `chunk.ends`. Returns their number, 0 if only spaCy can tell."""
    n_chars = _decode(tables, utf8, start, end, chunk)
    if n_chars == 0:
        return 0
    low, high, n_words, n_suffixes = _peel_affixes(tables, exceptions, utf8, n_chars, chunk)
    special = (0, 0)
    if low < high:
        before = n_words
        entry = find_exception(exceptions, utf8, chunk.bytes_at[low], chunk.bytes_at[high], _hash(tables, chunk, low, high))
        if entry >= 0:
            n_words = _add_exception(exceptions, entry, chunk, low, n_words)
            special = (before, n_words)
        else:
            n_words = _add_infixes(tables, chunk, low, high, n_words)
            if n_words > before + 1:
                url = is_url(chunk.codes, chunk.classes, low, high)
                if url < 0:
                    return 0
                if url > 0:
                    n_words = before + 1
                    chunk.ends[before] = high
    for k in range(n_suffixes - 1, -1, -1):
        chunk.ends[n_words] = n_chars if k == 0 else chunk.suffixes[k - 1]
        n_words += 1
    return 0 if _meets_pattern(tables, chunk, n_words, special) else n_words


@kernel
def _decode(tables: Any, utf8: Any, start: int, end: int, chunk: Any) -> int:
    """Fill the chunk; returns its number of characters, 0 if it is too long."""
    i, n, hashed = start, 0, np.uint64(0)
    while i < end:
        if n == MAX_CHARS:
            return 0
        code = code_point_at(utf8, i)
        chunk.codes[n] = code
        chunk.classes[n] = tables.classes[code]
        chunk.bytes_at[n] = i
        chunk.hashes[n] = hashed
        for k in range(i, i + width_at(utf8, i)):
            hashed = hashed * BASE + (np.uint64(utf8[k]) + _ONE)
        i += width_at(utf8, i)
        n += 1
    chunk.bytes_at[n] = i
    chunk.hashes[n] = hashed
    return n


@kernel
def _hash(tables: Any, chunk: Any, low: int, high: int) -> Any:
    n_bytes = chunk.bytes_at[high] - chunk.bytes_at[low]
    return chunk.hashes[high] - chunk.hashes[low] * tables.powers[n_bytes]


@kernel
def _is_exception(tables: Any, exceptions: Any, utf8: Any, chunk: Any, low: int, high: int) -> bool:
    return find_exception(exceptions, utf8, chunk.bytes_at[low], chunk.bytes_at[high], _hash(tables, chunk, low, high)) >= 0


@kernel
def _peel_affixes(tables: Any, exceptions: Any, utf8: Any, n_chars: int, chunk: Any) -> tuple[int, int, int, int]:
    """Peel one prefix and one suffix a round until nothing changes or an exception remains: (low, high, words, suffixes)."""
    low, high, n_words, n_suffixes, last = 0, n_chars, 0, 0, -1
    while low < high and high - low != last:
        if _is_exception(tables, exceptions, utf8, chunk, low, high):
            break
        last = high - low
        prefix = _prefix_chars(chunk, low, high)
        if prefix > 0 and low + prefix < high and _is_exception(tables, exceptions, utf8, chunk, low + prefix, high):
            low += prefix
            chunk.ends[n_words] = low
            n_words += 1
            break
        suffix = _suffix_chars(tables, chunk, low + prefix, high)
        if suffix > 0 and low < high - suffix and _is_exception(tables, exceptions, utf8, chunk, low, high - suffix):
            high -= suffix
            chunk.suffixes[n_suffixes] = high
            n_suffixes += 1
            break
        if prefix > 0:
            low += prefix
            chunk.ends[n_words] = low
            n_words += 1
        if suffix > 0:
            high -= suffix
            chunk.suffixes[n_suffixes] = high
            n_suffixes += 1
    return low, high, n_words, n_suffixes


@kernel
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@kernel
def _prefix_chars(chunk: Any, low: int, high: int) -> int:
    code = chunk.codes[low]
    if chunk.classes[low] & PREFIX:
        return 1
    if code == PLUS:
        return 0 if low + 1 < high and _is_digit(chunk.codes[low + 1]) else 1
    if code == DOT:
        end = _dots_end(chunk, low, high)
        return end - low if end - low > 1 else 0
    if code == LETTER_U and low + 2 < high and chunk.codes[low + 1] == LETTER_S and chunk.codes[low + 2] == DOLLAR:
        return 3
    if (code in (LETTER_A, LETTER_C)) and low + 1 < high and chunk.codes[low + 1] == DOLLAR:
        return 2
    return 0


@kernel
def _dots_end(chunk: Any, low: int, high: int) -> int:
    end = low
    while end < high and chunk.codes[end] == DOT:
        end += 1
    return end


@kernel
def _suffix_chars(tables: Any, chunk: Any, low: int, high: int) -> int:
    """Length of the longest suffix rule that matches; spaCy's search finds the leftmost, which is the longest."""
    if low >= high:
        return 0
    code = chunk.codes[high - 1]
    before = chunk.codes[high - 2] if high - low > 1 else 0
    if code == DOT:
        return _final_dots(chunk, low, high)
    if (code in (SMALL_S, LETTER_S)) and (before in (APOSTROPHE, RIGHT_QUOTE)):
        return 2
    if code == ELLIPSIS and before == ELLIPSIS:
        return 2
    unit = _unit_chars(tables, chunk, low, high)
    if unit > 0:
        return unit
    if chunk.classes[high - 1] & SUFFIX:
        return 1
    return 1 if code == PLUS and _is_digit(before) else 0


@kernel
def _final_dots(chunk: Any, low: int, high: int) -> int:
    n_dots = 1
    while high - n_dots > low and chunk.codes[high - n_dots - 1] == DOT:
        n_dots += 1
    if n_dots > 1:
        return n_dots
    if high - low < 2:
        return 0
    if chunk.classes[high - 2] & DOT_LEFT:
        return 1
    if high - low < 3:
        return 0
    if chunk.classes[high - 2] & UPPER and chunk.classes[high - 3] & UPPER:
        return 1
    degree = chunk.codes[high - 3] == DEGREE
    letter = chunk.codes[high - 2]
    return 1 if degree and (letter in DEGREE_SCALES) else 0


@kernel
def _unit_chars(tables: Any, chunk: Any, low: int, high: int) -> int:
    """What follows the last digit, if it is a unit or a currency."""
    longest = 8
    for start in range(high - 1, max(low, high - longest - 1), -1):
        if _is_digit(chunk.codes[start - 1]):
            return high - start if set_slot(tables.units, _hash(tables, chunk, start, high)) >= 0 else 0
    return 0


@kernel
def _add_exception(exceptions: Any, entry: int, chunk: Any, low: int, n_words: int) -> int:
    """Words of an exception that starts at character `low`."""
    first = exceptions.text_starts[entry]
    char = low
    for k in range(exceptions.n_cuts[entry]):
        while chunk.bytes_at[char] < chunk.bytes_at[low] + exceptions.cuts[first + k]:
            char += 1
        chunk.ends[n_words] = char
        n_words += 1
    return n_words


@kernel
def _add_infixes(tables: Any, chunk: Any, low: int, high: int, n_words: int) -> int:
    """Split what remains at its infixes; one at the very start is skipped, as in spaCy."""
    start, i = low, low
    while i < high:
        end = _infix_end(tables, chunk, low, i, high)
        if end == i:
            i += 1
            continue
        if i > low:
            if i > start:
                chunk.ends[n_words] = i
                n_words += 1
            chunk.ends[n_words] = end
            n_words += 1
            start = end
        i = end
    if start < high:
        chunk.ends[n_words] = high
        n_words += 1
    return n_words


@kernel
def _infix_end(tables: Any, chunk: Any, low: int, i: int, high: int) -> int:
    """End of the infix that starts at character i, or i."""
    code = chunk.codes[i]
    if chunk.classes[i] & INFIX:
        return i + 1
    if _is_digit(code) or (chunk.classes[i] & LETTER):
        return i
    if code == DOT and i + 1 < high and chunk.codes[i + 1] == DOT:
        return _dots_end(chunk, i, high)
    if i == low or i + 1 == high:
        return i
    left, right = chunk.classes[i - 1], chunk.classes[i + 1]
    after_digit = _is_digit(chunk.codes[i - 1])
    if code == DOT:
        return i + 1 if left & (LOWER | QUOTE) and right & (UPPER | QUOTE) else i
    if code == COMMA:
        return i + 1 if left & LETTER and right & LETTER else i
    if code in (PLUS, HYPHEN, STAR, CARET):
        next_code = chunk.codes[i + 1]
        if after_digit and (_is_digit(next_code) or next_code == HYPHEN):
            return i + 1
    if code in (HYPHEN, EN_DASH, EM_DASH, TILDE):
        joins = left & LETTER or (after_digit and tables.rules == ENGLISH_RULES)
        return _hyphen_end(chunk, i, high) if joins else i
    if code in (COLON, LESS, MORE, EQUALS, SLASH):
        return i + 1 if (left & LETTER or after_digit) and right & LETTER else i
    return i


@kernel
def _hyphen_end(chunk: Any, i: int, high: int) -> int:
    """End of a run of one to three hyphens, one or two dashes, a tilde or an en dash, if a letter follows; else i."""
    code = chunk.codes[i]
    most = 3 if code == HYPHEN else 2 if code == EM_DASH else 1
    end = i + 1
    while end < high and end - i < most and chunk.codes[end] == code:
        end += 1
    return end if end < high and chunk.classes[end] & LETTER else i


@kernel
def _meets_pattern(tables: Any, chunk: Any, n_words: int, special: tuple[int, int]) -> bool:
    """Whether a run of two or more of the words spells an exception with affixes of its own, which spaCy would put together again."""
    for first in range(n_words - 1):
        start = 0 if first == 0 else chunk.ends[first - 1]
        for last in range(first + 2, n_words + 1):
            end = chunk.ends[last - 1]
            if chunk.bytes_at[end] - chunk.bytes_at[start] > tables.longest_pattern:
                break
            if first == special[0] and last == special[1]:
                continue
            if set_slot(tables.patterns, _hash(tables, chunk, start, end)) >= 0:
                return True
    return False
