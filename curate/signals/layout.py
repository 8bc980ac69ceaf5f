"""Signals of layout: lengths, lines, list marks, repeated lines and paragraphs."""

from typing import Any

import numpy as np

from curate.kernels.bits import count_bits, next_bit
from curate.kernels.characters import character_table, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import BLANK, ENDS_SENTENCE, strip_end, strip_start, sum_by_document
from curate.kernels.marks import BULLET, HYPHEN, NEWLINE
from curate.signals.block import Block

SHORT_LINE_CHARS = 30
"""Upper limit of characters of a short line, as in FineWeb."""
_CARRIAGE_RETURN = 13
_ELLIPSIS_BYTES = 3
"""Bytes of `...` and of `…`."""


def sizes(block: Block) -> dict[str, np.ndarray]:
    """Size of the text.

    - `n_bytes`: bytes of its UTF-8.
    - `n_chars`: code points, as Python's `len` counts them.
    - `n_newlines`: line feeds.
    """
    n_newlines = np.zeros(block.n_docs, np.int64)
    _count_newlines(block.bits, block.offsets, n_newlines)
    return {"n_bytes": np.diff(block.offsets), "n_chars": block.n_chars, "n_newlines": n_newlines}


def symbols(block: Block) -> dict[str, np.ndarray]:
    """Counts of symbols, as `str.count` counts them.

    - `n_hashes`: `#`.
    - `n_ellipses`: `...` and `…`.
    """
    n_hashes, n_ellipses = np.zeros(block.n_docs, np.int64), np.zeros(block.n_docs, np.int64)
    _count_symbols(block.bits, block.offsets, n_hashes, n_ellipses)
    return {"n_hashes": n_hashes, "n_ellipses": n_ellipses}


def list_lines(block: Block) -> dict[str, np.ndarray]:
    """Gopher's signals of lists (Rae et al. 2021), as datatrove computes them: shares of the lines of `str.splitlines`.

    White space around a line is ignored. NaN for a text without lines.

    - `bullet_line_ratio`: lines that start with `•` or `-`.
    - `ellipsis_line_ratio`: lines that end with `...` or `…`.
    """
    n_lines, n_bullets, n_ellipses = (np.zeros(block.n_docs, np.int64) for _ in range(3))
    _count_list_lines(block.utf8, block.offsets, block.bits, character_table(), n_lines, n_bullets, n_ellipses)
    with np.errstate(invalid="ignore"):
        return {"bullet_line_ratio": n_bullets / n_lines, "ellipsis_line_ratio": n_ellipses / n_lines}


def line_shapes(block: Block) -> dict[str, np.ndarray]:
    """FineWeb's signals of lines that are not blank. NaN for a text without such lines.

    - `n_lines`: their number.
    - `line_punct_ratio`: share that ends with terminal punctuation.
    - `short_line_ratio`: share of at most 30 characters (SHORT_LINE_CHARS).
    - `char_dup_ratio`: characters of lines that occurred earlier, as a share of all characters except newlines.
    """
    lines = block.lines
    filled = (lines.flags & BLANK) == 0
    n_lines = sum_by_document(filled, lines.doc_offsets)
    n_ended = sum_by_document(filled & (lines.flags & ENDS_SENTENCE > 0), lines.doc_offsets)
    n_short = sum_by_document(filled & (lines.n_chars <= SHORT_LINE_CHARS), lines.doc_offsets)
    n_repeated_chars = sum_by_document(lines.n_chars * (filled & (lines.repeated > 0)), lines.doc_offsets)
    n_line_chars = sum_by_document(lines.n_chars, lines.doc_offsets)
    with np.errstate(invalid="ignore"):
        return {
            "n_lines": n_lines,
            "line_punct_ratio": n_ended / n_lines,
            "short_line_ratio": n_short / n_lines,
            "char_dup_ratio": n_repeated_chars / n_line_chars,
        }


def repeated_lines(block: Block) -> dict[str, np.ndarray]:
    """Gopher's shares of lines and paragraphs that occurred earlier in the text.

    A newline at the start or end of the text bounds one more, empty line. Shares of characters are NaN for an empty text.

    - `dup_line_frac`, `dup_para_frac`: their share of all lines, of all paragraphs.
    - `dup_line_char_frac`, `dup_para_char_frac`: their share of the text's characters.
    """
    lines, paragraphs = block.lines, block.paragraphs
    n_lines, n_repeated = np.diff(lines.doc_offsets), sum_by_document(lines.repeated, lines.doc_offsets)
    empty_lines = _empty_edge_lines(block)
    with np.errstate(invalid="ignore"):
        return {
            "dup_line_frac": (n_repeated + (empty_lines == 2)) / np.maximum(n_lines + empty_lines, 1),
            "dup_para_frac": sum_by_document(paragraphs.repeated, paragraphs.doc_offsets) / np.maximum(np.diff(paragraphs.doc_offsets), 1),
            "dup_line_char_frac": sum_by_document(lines.n_chars * lines.repeated, lines.doc_offsets) / block.n_chars,
            "dup_para_char_frac": sum_by_document(paragraphs.n_chars * paragraphs.repeated, paragraphs.doc_offsets) / block.n_chars,
        }


def _empty_edge_lines(block: Block) -> np.ndarray:
    first, last = block.offsets[:-1], block.offsets[1:]
    filled = np.flatnonzero(last > first)
    n = np.zeros(block.n_docs, np.int64)
    n[filled] = (block.utf8[first[filled]] == NEWLINE).astype(np.int64) + (block.utf8[last[filled] - 1] == NEWLINE)
    return n


@kernel
def _count_newlines(bits: Any, offsets: Any, n_newlines: Any) -> None:
    for doc in range(len(offsets) - 1):
        n_newlines[doc] = count_bits(bits.newlines, offsets[doc], offsets[doc + 1])


@kernel
def _count_symbols(bits: Any, offsets: Any, n_hashes: Any, n_ellipses: Any) -> None:
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        n_hashes[doc] = count_bits(bits.hashes, i, end)
        i = next_bit(bits.ellipses, i, end)
        while i + _ELLIPSIS_BYTES <= end:
            n_ellipses[doc] += 1
            i = next_bit(bits.ellipses, i + _ELLIPSIS_BYTES, end)


@kernel
def _count_list_lines(utf8: Any, offsets: Any, bits: Any, characters: Any, n_lines: Any, n_bullets: Any, n_ellipses: Any) -> None:
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            stop = next_bit(bits.line_breaks, i, end)
            first = strip_start(utf8, i, stop, characters)
            last = strip_end(utf8, first, stop, characters)
            mark = code_point_at(utf8, first) if first < last else 0
            n_lines[doc] += 1
            n_bullets[doc] += (mark == BULLET) | (mark == HYPHEN)
            n_ellipses[doc] += last - first >= _ELLIPSIS_BYTES and next_bit(bits.ellipses, last - _ELLIPSIS_BYTES, last) == last - _ELLIPSIS_BYTES
            i = _after_line_break(utf8, stop, end)


@inlined
def _after_line_break(utf8: Any, i: int, end: int) -> int:
    if i + 1 < end and utf8[i] == _CARRIAGE_RETURN and utf8[i + 1] == NEWLINE:
        return i + 2
    return i + width_at(utf8, i) if i < end else end
