"""Shrink byte ranges to boundaries of characters, words or lines, where text can be cut."""

from functools import cache
from typing import Any, Literal

import numpy as np
import regex

from curate.dedup.substring import Ranges
from curate.kernels.characters import TABLE_SIZE, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import char_before
from curate.kernels.marks import NEWLINE

Boundary = Literal["char", "word", "line"]

_LETTER, _JOINS, _UNSPACED, _SPACE = 1, 2, 4, 8
_CHAR, _WORD, _LINE = 0, 1, 2


def shrink(ranges: Ranges, rows: np.ndarray, utf8: np.ndarray, offsets: np.ndarray, boundary: Boundary) -> Ranges:
    """Move both ends of each range inwards to a boundary; ranges that become empty are dropped.

    Range r is in utf8[offsets[rows[r]] : offsets[rows[r] + 1]]. `char`: character boundaries. `word`: also word boundaries, which in scripts
    without spaces are anywhere except before a mark; white space and closing marks at the start of a range are kept, so that the preceding
    text keeps its full stop and stays separated from the following text. `line`: whole lines.
    """
    starts, ends = ranges.starts + offsets[rows], ranges.ends + offsets[rows]
    kind = {"char": _CHAR, "word": _WORD, "line": _LINE}[boundary]
    _shrink_all(utf8, offsets[rows], offsets[rows + 1], kind, _characters(), starts, ends)
    some = starts < ends
    return Ranges(ranges.docs[some], (starts - offsets[rows])[some], (ends - offsets[rows])[some])


@cache
def _characters() -> np.ndarray:
    """Flags of every code point, (TABLE_SIZE,) uint8."""
    flags = np.zeros(TABLE_SIZE, np.uint8)
    everything = "".join(map(chr, [point for point in range(TABLE_SIZE) if not 0xD800 <= point <= 0xDFFF]))
    for flag, pattern in (
        (_LETTER, r"[\p{L}\p{N}\p{M}_]"),
        (_JOINS, r"[\p{M}\u200c\u200d\ufe0f]"),
        (_UNSPACED, r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]"),
        (_SPACE, r"\s"),
    ):
        flags[[ord(char) for char in regex.findall(pattern, everything)]] |= np.uint8(flag)
    return flags


@inlined
def _may_cut(utf8: Any, first: int, i: int, stop: int, kind: int, characters: Any) -> Any:
    """Whether a cut may start or end before byte i."""
    if i in (first, stop):
        return True
    if (utf8[i] & 0xC0) == 0x80:
        return False
    if kind == _CHAR:
        return True
    if kind == _LINE:
        return utf8[i - 1] == NEWLINE
    left, right = characters[code_point_at(utf8, char_before(utf8, first, i))], characters[code_point_at(utf8, i)]
    if right & _JOINS:
        return False
    return not (left & _LETTER and right & _LETTER) or (left | right) & _UNSPACED > 0


@inlined
def _belongs_before(utf8: Any, first: int, i: int, characters: Any) -> Any:
    """White space, and marks that belong to the preceding text, such as a full stop."""
    left, right = characters[code_point_at(utf8, char_before(utf8, first, i))], characters[code_point_at(utf8, i)]
    return right & _SPACE or not (left & _SPACE or right & _LETTER)


@kernel
def _shrink_all(utf8: Any, firsts: Any, stops: Any, kind: int, characters: Any, starts: Any, ends: Any) -> None:
    for r in range(len(starts)):
        start, end, first, stop = starts[r], ends[r], firsts[r], stops[r]
        while start < end and not _may_cut(utf8, first, start, stop, kind, characters):
            start += 1
        while start < end and not _may_cut(utf8, first, end, stop, kind, characters):
            end -= 1
        while kind == _WORD and first < start < end and _belongs_before(utf8, first, start, characters):
            start += width_at(utf8, start)
        starts[r], ends[r] = start, end
