"""The prose of a text. Code, addresses, checksums and markup say nothing about its language, and can outweigh the sentences around them.

Removed are front matter, fenced code, indented blocks that look like code, elements that contain code, tags, inline code, template fields,
link targets, and ASCII tokens that no written language has: URLs, mail addresses, digits among letters, operators.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import text_buffers
from curate.kernels.kernel import inlined, kernel
from curate.languages.blocks import after_front_matter, closing_fence, fence_length, indented_block, next_line
from curate.languages.marks import (
    BLANK,
    BRACKET,
    CLASSES,
    DIGIT,
    DOT,
    LETTER,
    LINE_FEED,
    LONGEST_WORD,
    MARK,
    N_KINDS,
    OPEN,
    SPACE,
    WIDE,
    is_word,
    left_out,
)
from curate.languages.sample import sample_texts

MOST_BYTES = 1 << 16
"""Longer texts are sampled: pieces of this many bytes in total are read, which bounds the cost of a text."""
_PIECE_BYTES = 1 << 12

_MUCH_BYTES, _N_WINDOWS, _WINDOW_BYTES, _ENOUGH_LETTERS = 4096, 8, 400, 1024
"""Of texts longer than _MUCH_BYTES, _N_WINDOWS windows are read first; the whole text if those hold fewer than _ENOUGH_LETTERS bytes of words."""
_RUN_WORDS = 4
"""At least this many plain words in a row are prose; code seldom has as many."""
_LEAST_LETTERS = 40
"""A text whose prose has fewer bytes of words is kept whole, unless they are half of the text."""


class Prose(NamedTuple):
    """`texts` (n_texts,) large_string; `n_bytes` (n_texts,) int64, bytes of words in runs of _RUN_WORDS or of non-ASCII characters."""

    texts: pa.Array
    n_bytes: np.ndarray


def prose_of(texts: pa.Array) -> Prose:
    """Prose of each of (n_texts,) texts, large_string; a text with hardly any is returned unchanged."""
    utf8, offsets = text_buffers(sample_texts(texts, MOST_BYTES, _PIECE_BYTES, LINE_FEED))
    n_texts = len(offsets) - 1
    kept = np.empty(int(offsets[-1] - offsets[0]) + n_texts, np.uint8)
    kept_offsets, n_prose = np.zeros(n_texts + 1, np.int64), np.zeros(n_texts, np.int64)
    n_bytes = _prose_of(utf8, offsets, CLASSES, np.zeros(N_KINDS, np.int64), kept, kept_offsets, n_prose)
    return Prose(pa.LargeStringArray.from_buffers(n_texts, pa.py_buffer(kept_offsets), pa.py_buffer(kept[:n_bytes])), n_prose)


@kernel
def _prose_of(utf8: Any, offsets: Any, classes: Any, missed: Any, kept: Any, kept_offsets: Any, n_prose: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        start, stop, begin = offsets[doc], offsets[doc + 1], n
        n_letters = 0
        if stop - start > _MUCH_BYTES:
            n, n_prose[doc], n_letters = _document(utf8, start, stop, (stop - start) // _N_WINDOWS, classes, missed, kept, begin)
        if n_letters < _ENOUGH_LETTERS:
            n, n_prose[doc], n_letters = _document(utf8, start, stop, 1, classes, missed, kept, begin)
        if n_letters < _LEAST_LETTERS and 2 * n_letters < stop - start:
            n = _copy(utf8, start, stop, kept, begin)
        kept_offsets[doc + 1] = n
    return n


@inlined
def _document(utf8: Any, start: int, stop: int, period: int, classes: Any, missed: Any, kept: Any, n: int) -> Any:
    """Append a document's prose to `kept`. Returns the new length, the bytes of words in runs, and the bytes of all words.

    In each `period` bytes, only lines that begin in the first _WINDOW_BYTES are read.
    """
    missed[:] = start
    position = after_front_matter(utf8, start, stop)
    n_runs, n_letters, judged_until = 0, 0, position
    has_fences, after_blank = True, True
    while position < stop:
        first = position
        while first < stop and utf8[first] != LINE_FEED and classes[utf8[first]] == BLANK:
            first += 1
        if first == stop or utf8[first] == LINE_FEED:
            position, after_blank = first + 1, True
            continue
        length = fence_length(utf8, first, stop) if has_fences else 0
        if length > 0:
            close = closing_fence(utf8, first, stop, length, classes)
            has_fences = close > 0  # after an unclosed fence, no other is recognised
            if has_fences:
                position = close
                continue
        if after_blank and first > position and first >= judged_until:
            judged_until, is_code = indented_block(utf8, position, stop, classes)
            if is_code:
                position = judged_until
                continue
        after_blank = False
        if (first - start) % period >= _WINDOW_BYTES:
            position = next_line(utf8, first, stop)
            continue
        n, position, in_runs, letters = _line(utf8, first, stop, classes, missed, kept, n)
        n_runs, n_letters = n_runs + in_runs, n_letters + letters
    return n, n_runs, n_letters


@inlined
def _line(utf8: Any, position: int, stop: int, classes: Any, missed: Any, kept: Any, n: int) -> Any:
    """Append the prose of a line. Returns the new length, the start of the next line, the bytes of words in runs, and the bytes of all words."""
    n_runs, n_letters, n_words, n_open, size, is_plain = 0, 0, 0, 0, 0, True
    while position < stop and utf8[position] != LINE_FEED:
        kind = classes[utf8[position]]
        if kind == BLANK:
            n_words, n_open, n_runs = _counted(n_words, n_open, n_runs, size, is_plain)
            size, is_plain = 0, True
            kept[n] = SPACE
            n, position = n + 1, position + 1
            continue
        if kind == OPEN:
            position, is_plain = left_out(utf8, position, stop, missed), False
            continue
        begin, before, kinds = position, n, 0
        ends = ~WIDE if kind == WIDE else BLANK | OPEN | WIDE
        while position < stop:
            kind = classes[utf8[position]]
            if kind & ends:
                break
            kept[n] = utf8[position]  # removed below if it is not a word
            kinds |= kind
            n, position = n + 1, position + 1
        if kinds & (MARK | DOT | BRACKET) or kinds & (LETTER | DIGIT) == LETTER | DIGIT or (position - begin > LONGEST_WORD and kinds != WIDE):
            first, last = is_word(utf8, begin, position, classes)
            is_plain = is_plain and last > first
            if kinds & MARK or last == first:
                n = _copy(utf8, first, last, kept, before)
        if kinds & WIDE:
            n_runs, n_letters = n_runs + n - before, n_letters + n - before
        elif kinds & LETTER:
            size, n_letters = size + n - before, n_letters + n - before
    n_words, n_open, n_runs = _counted(n_words, n_open, n_runs, size, is_plain)
    kept[n] = LINE_FEED
    return n + 1, position + 1, n_runs, n_letters


@inlined
def _counted(n_words: int, n_open: int, n_runs: int, size: int, is_plain: bool) -> Any:
    """State of a run of plain words after one more token; a token without letters does not change it."""
    if not is_plain:
        return 0, 0, n_runs
    if size > 0:
        n_words, n_open = n_words + 1, n_open + size
    if n_words >= _RUN_WORDS:
        return n_words, 0, n_runs + n_open
    return n_words, n_open, n_runs


@inlined
def _copy(utf8: Any, start: int, stop: int, kept: Any, n: int) -> int:
    for i in range(start, stop):
        kept[n + i - start] = utf8[i]
    return n + stop - start
