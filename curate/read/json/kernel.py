"""JSON objects of two known columns, parsed where they lie: RFC 8259 over the bytes of a line, with no Python object made.

The kernel takes only lines on which nothing is doubtful; whatever else (wrong types, escapes in keys, repeated keys, half surrogate pairs, NaN,
nesting beyond 62 levels, invalid syntax) it calls odd, and Python's own parser decides those one by one.
"""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.read.json.scan import (
    CLOSE,
    COLON,
    COMMA,
    FAIL,
    HIGH_BITS,
    NEWLINE,
    NEWLINES,
    ONES,
    OPEN,
    QUOTE,
    copy,
    copy_value,
    first_byte,
    is_literal,
    plain_end,
    same_bytes,
    skip_space,
    unescape,
)

DOCUMENT, NO_TEXT, ODD = 1, 2, 3
_MAX_KEYS = 256  # metadata keys whose repetition is looked for; objects with more are odd


@inlined
def _is_name(data: np.ndarray, at: int, stop: int, name: np.ndarray) -> bool:
    return stop - at == name.size and same_bytes(data, at, name, 0, name.size)


@inlined
def _is_repeated(data: np.ndarray, at: int, stop: int, keys: np.ndarray, n_keys: int) -> bool:
    for k in range(n_keys):
        if stop - at == keys[k, 1] and same_bytes(data, at, data, keys[k, 0], keys[k, 1]):
            return True
    keys[n_keys, 0], keys[n_keys, 1] = at, stop - at
    return n_keys == _MAX_KEYS - 1


@inlined
def _key_end(data: np.ndarray, words: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """A key whose quote should be at `at` → where it ends, and where its value begins; -1 if it is no plain key."""
    if at >= end or data[at] != QUOTE:
        return at, FAIL
    stop = plain_end(data, words, at + 1, end)
    if stop >= end or data[stop] != QUOTE:
        return stop, FAIL
    colon = skip_space(data, stop + 1, end)
    value = skip_space(data, colon + 1, end)
    return stop, value if value < end and data[colon] == COLON else FAIL


@inlined
def _string_or_null(data: np.ndarray, words: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> tuple[int, int, bool]:
    """A string's text, or nothing for null → position after it (or -1), end of what was written, whether it was a string."""
    if data[at] == QUOTE:
        at, to = unescape(data, words, at + 1, end, out, to)
        return at, to, True
    return at + 4 if is_literal(data, at, end, 9, 4) else FAIL, to, False


@inlined
def _after_member(data: np.ndarray, at: int, end: int) -> tuple[int, bool]:
    """After a value that ends at `at` (-1: it is none) → position after the comma or brace that must follow (or -1), whether it was a brace."""
    at = skip_space(data, at, end) if at >= 0 else end
    if at >= end or (data[at] != COMMA and data[at] != CLOSE):
        return FAIL, False
    return at + 1, data[at] == CLOSE


@kernel
def _object(
    data: np.ndarray,
    words: np.ndarray,
    at: int,
    end: int,
    names: tuple[np.ndarray, ...],
    keys: np.ndarray,
    outs: tuple[np.ndarray, ...],
    to: tuple[int, int, int],
) -> tuple[int, int, int, int]:
    """One line → what it is (`DOCUMENT`, `NO_TEXT`, `ODD`), ends of text, url and metadata."""
    odd = (ODD, to[0], to[1], to[2])
    text_to, url_to, metadata_to = to
    kind, has_text, has_url, n_keys = NO_TEXT, False, False, 0
    at = skip_space(data, at, end)
    if data[at] != OPEN:
        return odd
    at = skip_space(data, at + 1, end)
    ended = at < end and data[at] == CLOSE
    at += ended
    while not ended:
        key = skip_space(data, at, end)
        stop, at = _key_end(data, words, key, end)
        if at < 0:
            return odd
        if _is_name(data, key + 1, stop, names[0]):
            at, text_to, is_text = _string_or_null(data, words, at, end, outs[0], text_to)
            if has_text:
                return odd
            has_text, kind = True, DOCUMENT if is_text else NO_TEXT
        elif _is_name(data, key + 1, stop, names[1]):
            at, url_to, _ = _string_or_null(data, words, at, end, outs[1], url_to)
            if has_url:
                return odd
            has_url = True
        else:
            if _is_repeated(data, key, stop, keys, n_keys):
                return odd
            outs[2][metadata_to] = COMMA if n_keys else OPEN
            metadata_to = copy(data, key, stop + 1, outs[2], metadata_to + 1)
            outs[2][metadata_to] = COLON
            at, metadata_to = copy_value(data, words, at, end, outs[2], metadata_to + 1)
            n_keys += 1
        at, ended = _after_member(data, at, end)
        if at < 0:
            return odd
    if skip_space(data, at, end) != end:
        return odd
    if n_keys:
        outs[2][metadata_to] = CLOSE
        metadata_to += 1
    return kind, text_to, url_to, metadata_to


@inlined
def _line_end(data: np.ndarray, words: np.ndarray, at: int) -> int:
    while at < data.size and at & 7:
        if data[at] == NEWLINE:
            return at
        at += 1
    for k in range(at >> 3, words.size):
        newline = words[k] ^ NEWLINES
        flags = (newline - ONES) & ~newline & HIGH_BITS
        if flags:
            return (k << 3) + first_byte(flags)
        at = (k + 1) << 3
    while at < data.size and data[at] != NEWLINE:
        at += 1
    return at


@inlined
def _is_ascii(data: np.ndarray, at: int, end: int) -> Any:
    high = np.uint8(0)
    for k in range(end - at):
        high |= data[at + k]
    return high < 128


@kernel
def parse_lines(
    data: np.ndarray,
    words: np.ndarray,
    row: int,
    is_utf8: bool,
    names: tuple[np.ndarray, ...],
    keys: np.ndarray,
    outs: tuple[np.ndarray, ...],
    ends: np.ndarray,
    rows: np.ndarray,
    has_text: np.ndarray,
    odd: np.ndarray,
) -> tuple[int, int]:
    """Parse all lines of `data` (n_bytes,) uint8, of which `words` are the whole uint64, the first with number `row` → how many documents, how many odd lines.

    `names`: text and url column. `outs`: bytes of texts, urls and metadata, each with room for n_bytes. By document: `ends` (3, n_lines + 1) their
    ends in `outs`, `rows` int64, `has_text` bool. `odd` (n_lines, 3) int64: row, start, end of each line left to a parser that can say what is
    wrong. Lines of white space give neither. With `is_utf8` False every line that is not ASCII is odd. `keys` (256, 2) int64 is scratch room.
    """
    n, n_odd, at = 0, 0, 0
    to = (0, 0, 0)
    while at < data.size:
        end = _line_end(data, words, at)
        if skip_space(data, at, end) < end:
            kind, text_to, url_to, metadata_to = ODD, to[0], to[1], to[2]
            if is_utf8 or _is_ascii(data, at, end):
                kind, text_to, url_to, metadata_to = _object(data, words, at, end, names, keys, outs, to)
            if kind == ODD:
                odd[n_odd, 0], odd[n_odd, 1], odd[n_odd, 2] = row, at, end
                n_odd += 1
            else:
                to = (text_to, url_to, metadata_to)
                rows[n], has_text[n] = row, kind == DOCUMENT
                n += 1
                ends[0, n], ends[1, n], ends[2, n] = to
        row += 1
        at = end + 1
    return n, n_odd
