"""JSON tokens: where strings, numbers, literals and nested values end, and what strings say (RFC 8259), over the bytes of one line."""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined, kernel

_MAX_DEPTH = 62  # one bit a level in an int64
FAIL = -1

NEWLINE, QUOTE, BACKSLASH, COMMA, COLON, _MINUS, _ZERO, _NINE = 10, 34, 92, 44, 58, 45, 48, 57
_ONE = np.uint64(1)
ONES, HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _SPACES, NEWLINES = (np.uint64(byte) * ONES for byte in (34, 92, 32, 10))
_OPEN_LIST, _CLOSE_LIST, OPEN, CLOSE = 91, 93, 123, 125

# What the letter after a backslash stands for; 0: no such escape. `u` is told apart before.
ESCAPES = np.zeros(256, np.uint8)
for _letter, _byte in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    ESCAPES[_letter] = _byte
HEX = np.full(256, 255, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    HEX[_digit] = int(chr(_digit), 16)
LITERALS = np.frombuffer(b"truefalsenull", np.uint8)


@inlined
def skip_space(data: np.ndarray, at: int, end: int) -> int:
    """Position of the next byte that is no blank, tab or carriage return; a line has no line feed."""
    while at < end and (data[at] == 32 or data[at] == 9 or data[at] == 13):
        at += 1
    return at


@inlined
def first_byte(flags: np.uint64) -> Any:
    """Which byte of a little-endian word, from 0, holds the lowest bit set; there is one."""
    low = flags & (~flags + _ONE)
    return (
        4 * np.int64(low & np.uint64(0xFFFFFFFF00000000) != 0)
        + 2 * np.int64(low & np.uint64(0xFFFF0000FFFF0000) != 0)
        + np.int64(low & np.uint64(0xFF00FF00FF00FF00) != 0)
    )


@inlined
def _is_special(byte: int) -> bool:
    return byte in (QUOTE, BACKSLASH) or byte < 32


@inlined
def plain_end(data: np.ndarray, words: np.ndarray, at: int, end: int) -> int:
    """Where the next quote, backslash or control character is; `end` if there is none. Eight bytes at a time (Mycroft's zero-byte test)."""
    while at < end and at & 7:
        if _is_special(data[at]):
            return at
        at += 1
    for k in range(at >> 3, end >> 3):
        word = words[k]
        quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
        flags = (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | ((word - _SPACES) & ~word)) & HIGH_BITS
        if flags:
            return (k << 3) + first_byte(flags)
        at = (k + 1) << 3
    while at < end and not _is_special(data[at]):
        at += 1
    return at


@inlined
def copy(data: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> int:
    """Copy bytes `at` to `end` to `out` from `to` on → end of what was written."""
    for k in range(end - at):
        out[to + k] = data[at + k]
    return to + end - at


@inlined
def _hex4(data: np.ndarray, at: int, end: int) -> Any:
    """The code unit of four hexadecimal digits."""
    if at + 4 > end:
        return FAIL
    a, b, c, d = HEX[data[at]], HEX[data[at + 1]], HEX[data[at + 2]], HEX[data[at + 3]]
    if a == 255 or b == 255 or c == 255 or d == 255:
        return FAIL
    return (np.int64(a) << 12) | (np.int64(b) << 8) | (np.int64(c) << 4) | np.int64(d)


@inlined
def _put_utf8(point: int, out: np.ndarray, to: int) -> int:
    if point < 0x80:
        out[to] = point
        return to + 1
    if point < 0x800:
        out[to], out[to + 1] = 0xC0 | (point >> 6), 0x80 | (point & 63)
        return to + 2
    if point < 0x10000:
        out[to], out[to + 1], out[to + 2] = 0xE0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
        return to + 3
    out[to], out[to + 1] = 0xF0 | (point >> 18), 0x80 | ((point >> 12) & 63)
    out[to + 2], out[to + 3] = 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
    return to + 4


@kernel
def unescape(data: np.ndarray, words: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> tuple[int, int]:
    """The string whose first character is at `at` → position after its closing quote (or -1), end of what was written."""
    while True:
        plain = plain_end(data, words, at, end)
        to = copy(data, at, plain, out, to)
        if plain >= end or data[plain] < 32:
            return FAIL, to
        if data[plain] == QUOTE:
            return plain + 1, to
        if plain + 1 >= end:
            return FAIL, to
        letter = data[plain + 1]
        if letter != 117:
            out[to] = ESCAPES[letter]
            if out[to] == 0:
                return FAIL, to
            at, to = plain + 2, to + 1
            continue
        point, at = _hex4(data, plain + 2, end), plain + 6
        if 0xD800 <= point < 0xDC00 and at + 1 < end and data[at] == BACKSLASH and data[at + 1] == 117:
            low = _hex4(data, at + 2, end)
            if 0xDC00 <= low < 0xE000:
                point, at = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00), at + 6
        if point < 0 or 0xD800 <= point < 0xE000:
            return FAIL, to
        to = _put_utf8(point, out, to)


@inlined
def _string_end(data: np.ndarray, words: np.ndarray, at: int, end: int) -> int:
    """Position after the closing quote of the string whose first character is at `at`, or -1."""
    while True:
        at = plain_end(data, words, at, end)
        if at >= end or data[at] < 32:
            return FAIL
        if data[at] == QUOTE:
            return at + 1
        if at + 1 >= end:
            return FAIL
        if data[at + 1] == 117:
            if _hex4(data, at + 2, end) < 0:
                return FAIL
            at += 6
        elif ESCAPES[data[at + 1]]:
            at += 2
        else:
            return FAIL


@inlined
def _digits(data: np.ndarray, at: int, end: int) -> int:
    while at < end and _ZERO <= data[at] <= _NINE:
        at += 1
    return at


@inlined
def _number_end(data: np.ndarray, at: int, end: int) -> int:
    """Position after the number at `at`, or -1."""
    at += data[at] == _MINUS
    whole = _digits(data, at, end)
    if whole == at or (data[at] == _ZERO and whole > at + 1):
        return FAIL
    at = whole
    if at < end and data[at] == 46:
        fraction = _digits(data, at + 1, end)
        if fraction == at + 1:
            return FAIL
        at = fraction
    if at < end and (data[at] == 101 or data[at] == 69):
        at += 1
        at += at < end and (data[at] == 43 or data[at] == _MINUS)
        exponent = _digits(data, at, end)
        if exponent == at:
            return FAIL
        at = exponent
    return at


@inlined
def same_bytes(data: np.ndarray, at: int, other: np.ndarray, start: int, size: int) -> bool:
    """Whether `size` bytes are equal; the caller knows that there are so many."""
    equal = True
    for k in range(size):
        equal &= data[at + k] == other[start + k]
    return equal


@inlined
def is_literal(data: np.ndarray, at: int, end: int, start: int, size: int) -> bool:
    """Whether `size` bytes of `LITERALS` from `start` on stand at `at`."""
    return at + size <= end and same_bytes(data, at, LITERALS, start, size)


@inlined
def _scalar_end(data: np.ndarray, words: np.ndarray, at: int, end: int) -> int:
    """Position after the string, number or literal at `at`, or -1."""
    if at >= end:
        return FAIL
    first = data[at]
    if first == QUOTE:
        return _string_end(data, words, at + 1, end)
    if first == 116:
        return at + 4 if is_literal(data, at, end, 0, 4) else FAIL
    if first == 102:
        return at + 5 if is_literal(data, at, end, 4, 5) else FAIL
    if first == 110:
        return at + 4 if is_literal(data, at, end, 9, 4) else FAIL
    return _number_end(data, at, end)


@kernel
def copy_value(data: np.ndarray, words: np.ndarray, at: int, end: int, out: np.ndarray, to: int) -> tuple[int, int]:
    """Copy the value at `at` without white space between its tokens → position after it (or -1), end of what was written."""
    kinds: Any = np.int64(0)
    depth, expects_key = 0, False
    while True:
        at = skip_space(data, at, end)
        if at >= end:
            return FAIL, to
        byte = data[at]
        if expects_key:
            stop = _string_end(data, words, at + 1, end) if byte == QUOTE else FAIL
            colon = skip_space(data, stop, end) if stop > 0 else end
            if colon >= end or data[colon] != COLON:
                return FAIL, to
            to = copy(data, at, stop, out, to)
            out[to] = COLON
            at, to, expects_key = colon + 1, to + 1, False
            continue
        if byte in (OPEN, _OPEN_LIST):
            if depth == _MAX_DEPTH:
                return FAIL, to
            kinds, depth = (kinds << 1) | np.int64(byte == OPEN), depth + 1
            out[to] = byte
            at, to = skip_space(data, at + 1, end), to + 1
            if at >= end or data[at] != byte + 2:  # } and ] are two after { and [
                expects_key = byte == OPEN
                continue
        else:
            stop = _scalar_end(data, words, at, end)
            if stop < 0:
                return FAIL, to
            at, to = stop, copy(data, at, stop, out, to)
        at, to, kinds, depth = _close(data, at, end, out, to, kinds, depth)
        if at < 0 or depth == 0:
            return at, to
        out[to] = COMMA
        at, to, expects_key = at + 1, to + 1, kinds & 1 == 1


@inlined
def _close(data: np.ndarray, at: int, end: int, out: np.ndarray, to: int, kinds: int, depth: int) -> tuple[int, int, int, int]:
    """After a value: close what ends here → position of the comma, or after the value if all is closed; -1 if neither follows."""
    while depth:
        at = skip_space(data, at, end)
        if at >= end:
            return FAIL, to, kinds, depth
        if data[at] == COMMA:
            return at, to, kinds, depth
        if data[at] != (CLOSE if kinds & 1 else _CLOSE_LIST):
            return FAIL, to, kinds, depth
        out[to] = data[at]
        at, to, kinds, depth = at + 1, to + 1, kinds >> 1, depth - 1
    return at, to, kinds, depth
