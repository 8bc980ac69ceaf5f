"""Blocks of lines that are not prose: front matter, fenced code, indented code. Reads UTF-8 bytes in linear time."""

from typing import Any

from curate.kernels.kernel import inlined, kernel
from curate.languages.marks import BLANK, BRACKET, DIGIT, LETTER, LINE_FEED, MARK, OPEN, SPACE, TICK

_DASH, _TILDE, _TAB = b"-~\t"
_FRONT_BYTES = 8192
"""Upper limit for front matter."""
_FENCE = 3
_CODE_INDENT = 4
_TAB_COLUMNS = 4
_MARKS_PER_BYTE, _DIGITS_PER_BYTE = 16, 4
"""An indented block is code if at least one byte in 16 is a mark, such as an operator, or one in 4 a digit."""
_CALL_MARKS = 4
"""Number of marks that an opening bracket right after a letter, as in a call, counts for."""


@kernel
def after_front_matter(utf8: Any, start: int, stop: int) -> int:
    """Index after the front matter: metadata between lines of three dashes at the start of the text. `start` if there is none."""
    if not _is_rule(utf8, start, stop):
        return start
    for at in range(start + _FENCE, min(stop - _FENCE, start + _FRONT_BYTES)):
        if utf8[at] == LINE_FEED and _is_rule(utf8, at + 1, stop):
            return at + 1 + _FENCE
    return start


@inlined
def _is_rule(utf8: Any, at: int, stop: int) -> bool:
    """Whether the line that begins at `at` is three dashes, with an optional carriage return."""
    if at + _FENCE > stop or utf8[at] != _DASH or utf8[at + 1] != _DASH or utf8[at + 2] != _DASH:
        return False
    return at + _FENCE == stop or utf8[at + _FENCE] == LINE_FEED or utf8[at + _FENCE] == 13


@inlined
def fence_length(utf8: Any, first: int, stop: int) -> int:
    """Number of backticks or tildes that begin the line at `first`; 0 if fewer than three, or if it is inline code between backticks."""
    mark, at = utf8[first], first
    if mark != TICK and mark != _TILDE:
        return 0
    while at < stop and utf8[at] == mark:
        at += 1
    length = at - first
    while mark == TICK and at < stop and utf8[at] != LINE_FEED:
        if utf8[at] == TICK:
            return 0
        at += 1
    return length if length >= _FENCE else 0


@inlined
def next_line(utf8: Any, at: int, stop: int) -> int:
    """Index at which the next line begins."""
    while at < stop and utf8[at] != LINE_FEED:
        at += 1
    return at + 1


@kernel
def closing_fence(utf8: Any, first: int, stop: int, length: int, classes: Any) -> int:
    """Index of the line after the fence that closes the fence at `first`; 0 if it is never closed."""
    mark, at = utf8[first], first
    while at < stop:
        at = next_line(utf8, at, stop)
        while at < stop and utf8[at] != LINE_FEED and classes[utf8[at]] == BLANK:
            at += 1
        n = 0
        while at < stop and utf8[at] == mark:
            n, at = n + 1, at + 1
        while at < stop and utf8[at] != LINE_FEED and classes[utf8[at]] == BLANK:
            at += 1
        if n >= length and (at >= stop or utf8[at] == LINE_FEED):
            return at + 1
    return 0


@kernel
def indented_block(utf8: Any, position: int, stop: int, classes: Any) -> Any:
    """End of the run of lines from `position` that are indented by four or more columns, and whether they look like code."""
    n_marks, n_digits, n_bytes, end = 0, 0, 0, position
    while position < stop:
        columns = 0
        while position < stop and (utf8[position] == SPACE or utf8[position] == _TAB):
            columns += 1 if utf8[position] == SPACE else _TAB_COLUMNS
            position += 1
        is_blank = position < stop and (utf8[position] == LINE_FEED or utf8[position] == 13)
        if columns < _CODE_INDENT and not is_blank:
            break
        while position < stop and utf8[position] != LINE_FEED:
            kind = classes[utf8[position]]
            n_bytes += kind != BLANK
            n_marks += kind & (MARK | OPEN) != 0
            n_marks += _CALL_MARKS if kind == BRACKET and classes[utf8[position - 1]] & LETTER else 0
            n_digits += kind == DIGIT
            position += 1
        position += 1
        end = end if is_blank else min(position, stop)
    return end, n_bytes > 0 and (n_marks * _MARKS_PER_BYTE >= n_bytes or n_digits * _DIGITS_PER_BYTE >= n_bytes)
