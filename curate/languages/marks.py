"""Parts of a line that are not prose: what marks enclose, and ASCII tokens that are not words. Reads UTF-8 bytes in linear time."""

from typing import Any

import numpy as np

from curate.kernels.buffers import frozen
from curate.kernels.kernel import inlined, kernel

LETTER, DIGIT, DOT, MARK, OPEN, BLANK, WIDE, BRACKET = 1, 2, 4, 8, 16, 32, 64, 128
"""Classes of bytes. MARK: operators and similar; OPEN: may begin a part to remove; WIDE: bytes of non-ASCII characters."""

LINE_FEED, SPACE, TICK = 10, 32, 96
LONGEST_WORD = 40
"""Upper limit for ASCII words, in bytes."""

_REACH = 512
"""Upper limit for a tag, template field, link target or piece of inline code, in bytes."""

_TICKS, _TAGS, _FIELDS, _LINKS, _ELEMENTS = range(5)
N_KINDS = 5
"""Kinds of marks. `missed[kind]` is the index up to which no closing mark of this kind exists, so that no byte is searched twice."""

_SLASH, _EXCLAMATION, _QUESTION, _LESS, _GREATER, _PERCENT, _ROUND, _CLOSE_ROUND, _SQUARE, _CLOSE_SQUARE, _CURLY, _CLOSE_CURLY = b"/!?<>%()[]{}"


def _classes() -> np.ndarray:
    classes = np.zeros(256, np.uint8)
    classes[:33] = classes[127] = BLANK
    classes[128:] = WIDE
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    for characters, kind in (
        (alphabet + alphabet.upper(), LETTER),
        ("0123456789", DIGIT),
        (".", DOT),
        ("(", BRACKET),
        ("\\_=$>|~^#@+*/}[", MARK),
        ("`<{]", OPEN),
    ):
        classes[list(characters.encode())] = kind
    return frozen(classes)


CLASSES = _classes()
"""(256,) uint8: class of each byte; 0 for punctuation that prose also uses."""


@kernel
def left_out(utf8: Any, start: int, stop: int, missed: Any) -> int:
    """Index after the part that the OPEN byte at `start` begins; `start + 1` if it encloses nothing."""
    mark, after = utf8[start], utf8[start + 1] if start + 1 < stop else 0
    if mark == TICK:
        return _after_ticks(utf8, start, stop, missed)
    if mark == _LESS:
        is_tag = 65 <= after & 0xDF <= 90 or after in (_SLASH, _EXCLAMATION, _QUESTION)
        return _after_tag(utf8, start, stop, missed) if is_tag else start + 1
    if mark == _CURLY:
        close = _CLOSE_CURLY if after == _CURLY else _PERCENT
        return _after_mark(utf8, start, stop, close, _CLOSE_CURLY, missed, _FIELDS) if after in (_CURLY, _PERCENT) else start + 1
    if after == _ROUND:
        return _after_mark(utf8, start, stop, _CLOSE_ROUND, 0, missed, _LINKS)
    return start + 1


@inlined
def _after_mark(utf8: Any, start: int, stop: int, close: int, second: int, missed: Any, kind: int) -> int:
    """Index after the next `close` (followed by `second`, unless that is 0) on this line; `start + 1` if there is none within _REACH."""
    limit = min(start + _REACH, stop)
    at = max(start + 2, missed[kind])
    while at < limit and utf8[at] != LINE_FEED:
        if utf8[at] == close and (second == 0 or (at + 1 < limit and utf8[at + 1] == second)):
            return at + (1 if second == 0 else 2)
        at += 1
    missed[kind] = max(at, missed[kind])
    return start + 1


@inlined
def _after_ticks(utf8: Any, start: int, stop: int, missed: Any) -> int:
    """Index after inline code, which is closed by the next run of at least as many backticks on this line."""
    limit, first = min(start + _REACH, stop), start
    while first < limit and utf8[first] == TICK:
        first += 1
    n_ticks, n_closing, at = first - start, 0, max(first, missed[_TICKS])
    while at < limit and utf8[at] != LINE_FEED:
        n_closing = n_closing + 1 if utf8[at] == TICK else 0
        at += 1
        if n_closing == n_ticks:
            return at
    missed[_TICKS] = max(at, missed[_TICKS])
    return first


@inlined
def _after_tag(utf8: Any, start: int, stop: int, missed: Any) -> int:
    """Index after a tag, or after the whole element if it contains code."""
    limit, at = min(start + _REACH, stop), max(start + 1, missed[_TAGS])
    while at < limit and utf8[at] != _GREATER:
        at += 1
    if at >= limit:
        missed[_TAGS] = max(at, missed[_TAGS])
        return start + 1
    size = _name_of_code(utf8, start + 1, at)
    if size > 0 and missed[_ELEMENTS] < stop:
        for end in range(at + 1, stop - size - 2):
            if utf8[end] == _LESS and utf8[end + 1] == _SLASH and _name_of_code(utf8, end + 2, end + 2 + size) == size:
                return end + 3 + size
        missed[_ELEMENTS] = stop
    return at + 1


@inlined
def _name_of_code(utf8: Any, first: int, last: int) -> int:
    """Length of the tag name at `first` if it is pre, code, style or script, in upper or lower case; otherwise 0."""
    if last - first < 3:
        return 0
    code = 0
    size = 0
    while first + size < last and size < 7 and 65 <= utf8[first + size] & 0xDF <= 90:
        code = code * 32 + (utf8[first + size] & 31)
        size += 1
    return size if code in (_PRE, _CODE, _STYLE, _SCRIPT) else 0


def _packed(name: str) -> int:
    code = 0
    for letter in name.encode():
        code = code * 32 + (letter & 31)
    return code


_PRE, _CODE, _STYLE, _SCRIPT = map(_packed, ("pre", "code", "style", "script"))


@kernel
def is_word(utf8: Any, begin: int, end: int, classes: Any) -> Any:
    """First index and end of the word in the ASCII bytes from `begin` to `end`, without emphasis and brackets around it.

    Both are equal if there is no word: inside are marks, digits among letters, more than one slash, a bracket, or a dot between longer parts.
    """
    while begin < end and classes[utf8[begin]] & (LETTER | DIGIT) == 0:
        begin += 1
    while end > begin and classes[utf8[end - 1]] & (LETTER | DIGIT) == 0:
        end -= 1
    kinds, n_slashes, n_letters, last_letters = 0, 0, 0, 0
    for at in range(begin, end):
        kind = classes[utf8[at]]
        kinds |= kind
        n_letters = n_letters + 1 if kind & LETTER else 0
        if kind & MARK:
            n_slashes += 1 if utf8[at] == _SLASH else 2
        if kind & BRACKET:
            return begin, begin
        if kind & DOT:
            last_letters = classes[utf8[at - 1]] & LETTER and classes[utf8[at - 2]] & LETTER if at - begin >= 2 else 0
        elif last_letters and n_letters == 2:
            return begin, begin
    if n_slashes > 1 or kinds & (LETTER | DIGIT) == LETTER | DIGIT or end - begin > LONGEST_WORD:
        return begin, begin
    return begin, end
