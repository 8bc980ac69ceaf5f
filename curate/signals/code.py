"""Signals of source code: line lengths, kinds of characters, comments."""

from typing import Any

import numpy as np

from curate.kernels.characters import ALPHA, LINE_BREAK, SPACE, character_table, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.marks import NEWLINE
from curate.signals.block import Block
from curate.words.unicode import alphanumeric_at

_CARRIAGE_RETURN = 13
_COMMENT_STARTS = tuple(tuple(mark.encode()) for mark in ("#", "//", "/*", "* ", "*/", "--", ";", "%"))
_ONE_BYTE_COMMENTS = tuple(mark[0] for mark in _COMMENT_STARTS if len(mark) == 1)
_TWO_BYTE_COMMENTS = tuple(mark[0] << 8 | mark[1] for mark in _COMMENT_STARTS if len(mark) == 2)
_LINES, _LONGEST, _LINE_CHARS, _ALNUM, _ALPHA, _DIGITS, _FILLED, _COMMENTS = range(8)


def code_shapes(block: Block) -> dict[str, np.ndarray]:
    """Shapes of source code: lines are those of `str.splitlines`. Means and ratios are NaN where there is nothing to divide by.

    - `n_code_lines`: number of lines.
    - `max_line_chars`, `mean_line_chars`: length of the longest line, mean length of lines, in characters.
    - `comment_line_ratio`: share of lines that are not blank and start, after white space, with one of `# // /* * */ -- ; %`.
    - `alnum_char_ratio`, `alpha_char_ratio`, `digit_char_ratio`: share of all characters that `str.isalnum`, `str.isalpha` accept, that are 0 to 9.
    """
    counts = np.zeros((8, block.n_docs), np.int64)
    _measure_lines(block.utf8, block.offsets, character_table(), alphanumeric_at(), counts)
    with np.errstate(invalid="ignore"):
        return {
            "n_code_lines": counts[_LINES],
            "max_line_chars": counts[_LONGEST],
            "mean_line_chars": counts[_LINE_CHARS] / counts[_LINES],
            "comment_line_ratio": counts[_COMMENTS] / counts[_FILLED],
            "alnum_char_ratio": counts[_ALNUM] / block.n_chars,
            "alpha_char_ratio": counts[_ALPHA] / block.n_chars,
            "digit_char_ratio": counts[_DIGITS] / block.n_chars,
        }


@kernel
def _measure_lines(utf8: Any, offsets: Any, characters: Any, alphanumeric: Any, counts: Any) -> None:
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            first, n_chars = -1, 0
            while i < end:
                code = code_point_at(utf8, i)
                kind = characters[code]
                counts[_ALNUM, doc] += alphanumeric[code]
                counts[_ALPHA, doc] += kind & ALPHA != 0
                counts[_DIGITS, doc] += 48 <= code <= 57
                if kind & LINE_BREAK:
                    break
                if first < 0 and not kind & SPACE:
                    first = i
                n_chars += 1
                i += width_at(utf8, i)
            counts[_LINES, doc] += 1
            counts[_LINE_CHARS, doc] += n_chars
            counts[_LONGEST, doc] = max(counts[_LONGEST, doc], n_chars)
            counts[_FILLED, doc] += first >= 0
            counts[_COMMENTS, doc] += first >= 0 and _starts_comment(utf8, first, end)
            i = _after_break(utf8, i, end)


@inlined
def _starts_comment(utf8: Any, i: int, end: int) -> bool:
    if utf8[i] in _ONE_BYTE_COMMENTS:
        return True
    return i + 1 < end and (np.int64(utf8[i]) << 8 | utf8[i + 1]) in _TWO_BYTE_COMMENTS


@inlined
def _after_break(utf8: Any, i: int, end: int) -> int:
    if i + 1 < end and utf8[i] == _CARRIAGE_RETURN and utf8[i + 1] == NEWLINE:
        return i + 2
    return i + width_at(utf8, i) if i < end else end
