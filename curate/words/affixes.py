"""spaCy's default prefixes, suffixes and infixes, read from the classes of a chunk's characters."""

from typing import Any

from curate.kernels.kernel import inlined
from curate.kernels.marks import (
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
from curate.words.chunk import CLASS, CODE, is_digit, span_meaning
from curate.words.spacy_tables import DOT_LEFT, ENGLISH_RULES, INFIX, IS_UNIT, LETTER, LOWER, PREFIX, QUOTE, SUFFIX, UPPER

_LONGEST_UNIT = 8


@inlined
def prefix_chars(chunk: Any, low: int, high: int) -> int:
    """Length of the prefix rule that matches at the start of characters low:high, or 0."""
    code = chunk[CODE, low]
    if chunk[CLASS, low] & PREFIX:
        return 1
    if code == PLUS:
        return 0 if low + 1 < high and is_digit(chunk[CODE, low + 1]) else 1
    if code == DOT:
        end = _dots_end(chunk, low, high)
        return end - low if end - low > 1 else 0
    if code == LETTER_U and low + 2 < high and chunk[CODE, low + 1] == LETTER_S and chunk[CODE, low + 2] == DOLLAR:
        return 3
    return 2 if (code == LETTER_A) | (code == LETTER_C) and low + 1 < high and chunk[CODE, low + 1] == DOLLAR else 0


@inlined
def _dots_end(chunk: Any, low: int, high: int) -> int:
    end = low
    while end < high and chunk[CODE, end] == DOT:
        end += 1
    return end


@inlined
def suffix_chars(tables: Any, chunk: Any, low: int, high: int) -> int:
    """Length of the longest suffix rule that matches characters low:high, or 0. spaCy takes the leftmost match, which is the longest."""
    if low >= high:
        return 0
    code = chunk[CODE, high - 1]
    if code == DOT:
        return _final_dots(chunk, low, high)
    if high - low > 1:
        before = chunk[CODE, high - 2]
        if (code == SMALL_S) | (code == LETTER_S) and (before == APOSTROPHE) | (before == RIGHT_QUOTE):
            return 2
        if code == ELLIPSIS and before == ELLIPSIS:
            return 2
        if code == PLUS and is_digit(before):
            return 1
        unit = _unit_chars(tables, chunk, low, high)
        if unit > 0:
            return unit
    return 1 if chunk[CLASS, high - 1] & SUFFIX else 0


@inlined
def _final_dots(chunk: Any, low: int, high: int) -> int:
    n_dots = 1
    while high - n_dots > low and chunk[CODE, high - n_dots - 1] == DOT:
        n_dots += 1
    if n_dots > 1:
        return n_dots
    if high - low < 2:
        return 0
    before = chunk[CLASS, high - 2]
    if before & DOT_LEFT:
        return 1
    if high - low < 3:
        return 0
    if before & UPPER and chunk[CLASS, high - 3] & UPPER:
        return 1
    return 1 if chunk[CODE, high - 3] == DEGREE and chunk[CODE, high - 2] in DEGREE_SCALES else 0


@inlined
def _unit_chars(tables: Any, chunk: Any, low: int, high: int) -> int:
    """Number of characters after the last digit if they are a unit or a currency, else 0."""
    for start in range(high - 1, max(low, high - _LONGEST_UNIT - 1), -1):
        if is_digit(chunk[CODE, start - 1]):
            return high - start if span_meaning(tables, chunk, start, high) & IS_UNIT else 0
    return 0


@inlined
def infix_end(rules: int, chunk: Any, low: int, i: int, high: int) -> int:
    """End of the infix that starts at character i of low:high, or i if there is none."""
    code, kind = chunk[CODE, i], chunk[CLASS, i]
    if is_digit(code) or kind & (LETTER | INFIX) == LETTER:
        return i
    if kind & INFIX:
        return i + 1
    if code == DOT and i + 1 < high and chunk[CODE, i + 1] == DOT:
        return _dots_end(chunk, i, high)
    if i == low or i + 1 == high:
        return i
    left, right = chunk[CLASS, i - 1], chunk[CLASS, i + 1]
    after_digit = is_digit(chunk[CODE, i - 1])
    if code == DOT:
        return i + 1 if left & (LOWER | QUOTE) and right & (UPPER | QUOTE) else i
    if code == COMMA:
        return i + 1 if left & LETTER and right & LETTER else i
    if (code == COLON) | (code == SLASH) | (code == LESS) | (code == EQUALS) | (code == MORE):
        return i + 1 if (left & LETTER or after_digit) and right & LETTER else i
    if after_digit and (code == HYPHEN) | (code == PLUS) | (code == STAR) | (code == CARET):
        next_code = chunk[CODE, i + 1]
        if is_digit(next_code) or next_code == HYPHEN:
            return i + 1
    is_dash = (code == HYPHEN) | (code == EN_DASH) | (code == EM_DASH) | (code == TILDE)
    if is_dash and (left & LETTER or (after_digit and rules == ENGLISH_RULES)):
        return _hyphen_end(chunk, i, high)
    return i


@inlined
def _hyphen_end(chunk: Any, i: int, high: int) -> int:
    """End of one to three hyphens, one or two em dashes, an en dash or a tilde if a letter follows, else i."""
    code = chunk[CODE, i]
    most = 3 if code == HYPHEN else 2 if code == EM_DASH else 1
    end = i + 1
    while end < high and end - i < most and chunk[CODE, end] == code:
        end += 1
    return end if end < high and chunk[CLASS, end] & LETTER else i
