"""Repeated lines or paragraphs: CCNet's boilerplate removal (Wenzek et al. 2020), also with windows of several lines.

Lines are compared after `simplify`: lower case, numbers as 0, no punctuation, no diacritics, which is nearly cc_net's own rule. Of equal lines,
the first (or the first few) in document order are kept.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from curate.kernels.bits import bits_of
from curate.kernels.buffers import padded
from curate.kernels.hashing import BASE, hash_span, scatter
from curate.kernels.kernel import kernel
from curate.kernels.lines import count_chars, lines_of, paragraphs_of
from curate.words.simplify import simplify

Scope = Literal["line", "paragraph"]
NO_KEY = 0
"""The key where no window of lines is compared."""


class LineTable(NamedTuple):
    """Non-blank lines (or paragraphs) of documents. The lines of document d are doc_offsets[d]:doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_lines,) int64: start byte within the document."""
    ends: np.ndarray
    """(n_lines,) int64: end byte, exclusive, without the line break."""
    keys: np.ndarray
    """(n_lines,) uint64: hash of the simplified line, never NO_KEY."""
    n_chars: np.ndarray
    """(n_lines,) int64: number of code points of the simplified line."""
    n_words: np.ndarray
    """(n_lines,) int64: number of words that start in it."""


def measure_lines(utf8: np.ndarray, offsets: np.ndarray, word_starts: np.ndarray, scope: Scope) -> LineTable:
    """All lines of the documents utf8[offsets[d] : offsets[d + 1]]; `word_starts` (n_words,) int64, ascending bytes where words start."""
    word_starts = word_starts - offsets[0]
    utf8, offsets = padded(utf8, offsets)
    spans = (lines_of if scope == "line" else paragraphs_of)(utf8, offsets, bits_of(utf8, int(offsets[-1])))
    # The text between two lines is white space, which `simplify` strips.
    simple, simple_offsets = simplify(utf8, np.append(spans.starts, offsets[-1]))
    keys, n_chars = np.empty(len(spans.starts), np.uint64), np.empty(len(spans.starts), np.int64)
    _keys_of(simple, simple_offsets, keys, n_chars)
    n_words = np.diff(np.searchsorted(word_starts, np.append(spans.starts, offsets[-1])))
    shift = np.repeat(offsets[:-1], np.diff(spans.doc_offsets))
    return LineTable(spans.doc_offsets, spans.starts - shift, spans.ends - shift, keys, n_chars, n_words)


def window_keys(lines: LineTable, window: int, min_chars: int, passed: np.ndarray) -> np.ndarray:
    """Key of the `window` lines that start at each line, (n_lines,) uint64. NO_KEY if the document has fewer lines left, if the lines have fewer
    than `min_chars` characters together, and in documents that are not `passed` (n_docs,) bool."""
    keys = np.zeros(len(lines.keys), np.uint64)
    _window_keys(lines.doc_offsets, lines.keys, lines.n_chars, window, min_chars, passed, keys)
    return keys


class LineCuts(NamedTuple):
    """Ranges to cut, and sums per document."""

    docs: np.ndarray
    """(n_ranges,) int64."""
    starts: np.ndarray
    """(n_ranges,) int64: byte within the document, like `ends`."""
    ends: np.ndarray
    words_left: np.ndarray
    """(n_docs,) int64."""
    lines_cut: np.ndarray
    """(n_docs,) int64."""


def cut_lines(lines: LineTable, surplus: np.ndarray, window: int, n_bytes: np.ndarray) -> LineCuts:
    """Cut each window of lines that is `surplus` (n_lines,) bool at its first line, with the line breaks that follow.

    If the end of a document is cut, so are the line breaks before it. `n_bytes` (n_docs,) int64 are the documents' lengths.
    """
    marked = np.zeros(len(surplus), bool)
    for shift in range(window):
        marked[shift:] |= surplus[: len(surplus) - shift]
    n_ranges = int(np.count_nonzero(marked & ~np.append(False, marked[:-1]))) + len(n_bytes)
    docs, starts, ends = (np.empty(n_ranges, np.int64) for _ in range(3))
    words_left, lines_cut = np.empty(len(n_bytes), np.int64), np.empty(len(n_bytes), np.int64)
    n = _ranges(*lines, marked, n_bytes, docs, starts, ends, words_left, lines_cut)
    return LineCuts(docs[:n], starts[:n], ends[:n], words_left, lines_cut)


@kernel
def _keys_of(simple: Any, offsets: Any, keys: Any, n_chars: Any) -> None:
    for line in range(len(keys)):
        keys[line] = max(hash_span(simple, offsets[line], offsets[line + 1]), np.uint64(1))
        n_chars[line] = count_chars(simple, offsets[line], offsets[line + 1])


@kernel
def _window_keys(doc_offsets: Any, keys: Any, n_chars: Any, window: int, min_chars: int, passed: Any, out: Any) -> None:
    for doc in range(len(passed)):
        for line in range(doc_offsets[doc], doc_offsets[doc + 1] - window + 1 if passed[doc] else doc_offsets[doc]):
            key, total = keys[line], n_chars[line]
            for other in range(line + 1, line + window):
                key = scatter(key * BASE ^ keys[other])
                total += n_chars[other]
            out[line] = max(key, np.uint64(1)) if total >= min_chars else np.uint64(0)


@kernel
def _ranges(
    doc_offsets: Any,
    line_starts: Any,
    line_ends: Any,
    keys: Any,
    n_chars: Any,
    n_words: Any,
    marked: Any,
    n_bytes: Any,
    docs: Any,
    starts: Any,
    ends: Any,
    words_left: Any,
    lines_cut: Any,
) -> int:
    n = 0
    for doc in range(len(n_bytes)):
        words_left[doc] = lines_cut[doc] = 0
        first, stop = doc_offsets[doc], doc_offsets[doc + 1]
        open_range = False
        for line in range(first, stop):
            if marked[line]:
                lines_cut[doc] += 1
                if not open_range:
                    docs[n], starts[n] = doc, line_starts[line]
                    open_range = True
            else:
                words_left[doc] += n_words[line]
                if open_range:
                    ends[n] = line_starts[line]
                    n += 1
                    open_range = False
        if open_range:
            opened = first
            while opened < stop and line_starts[opened] != starts[n]:
                opened += 1
            starts[n] = line_ends[opened - 1] if opened > first else 0
            ends[n] = n_bytes[doc]
            n += 1
    return n
