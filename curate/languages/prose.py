"""What of a text is prose: code, addresses, checksums and markup tell nothing about its language, and can outweigh the sentences around them.

Left out are front matter, fenced code, indented blocks that look like code, elements that hold code, tags, inline code, template fields, link
targets, and words of ASCII that hold what no written language does: URLs, mail addresses, digits among letters, operators.
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
"""Of longer texts pieces from all over them are read, as much as this in all: no text costs more."""
_PIECE_BYTES = 1 << 12

_MUCH_BYTES, _N_WINDOWS, _WINDOW_BYTES, _ENOUGH_LETTERS = 4096, 8, 400, 1024
"""Of texts longer than _MUCH_BYTES so many windows are read first, and all if these give fewer bytes of words than are asked for."""
_RUN_WORDS = 4
"""So many plain words in a row are prose; code seldom has as many."""
_LEAST_LETTERS = 40
"""A text with fewer bytes of words outside what is left out is read whole, unless these are half of it."""


class Prose(NamedTuple):
    """`texts` (n_texts,) large_string; `n_bytes` (n_texts,) int64, bytes of words in runs of _RUN_WORDS or in scripts other than Latin."""

    texts: pa.Array
    n_bytes: np.ndarray


def prose_of(texts: pa.Array) -> Prose:
    """The prose of each of (n_texts,) texts, large_string; a text that has next to none comes back as it is."""
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
    """Append a document's prose to `kept`: the new length, the bytes of words in runs, and those of all words.

    Of every `period` bytes lines are taken that begin in the first _WINDOW_BYTES.
    """
    missed[:] = start
    place = after_front_matter(utf8, start, stop)
    n_runs, n_letters, judged_until = 0, 0, place
    has_fences, after_blank = True, True
    while place < stop:
        first = place
        while first < stop and utf8[first] != LINE_FEED and classes[utf8[first]] == BLANK:
            first += 1
        if first == stop or utf8[first] == LINE_FEED:
            place, after_blank = first + 1, True
            continue
        length = fence_length(utf8, first, stop) if has_fences else 0
        if length > 0:
            close = closing_fence(utf8, first, stop, length, classes)
            has_fences = close > 0  # where one is never closed, none is believed
            if has_fences:
                place = close
                continue
        if after_blank and first > place and first >= judged_until:
            judged_until, is_code = indented_block(utf8, place, stop, classes)
            if is_code:
                place = judged_until
                continue
        after_blank = False
        if (first - start) % period >= _WINDOW_BYTES:
            place = next_line(utf8, first, stop)
            continue
        n, place, in_runs, letters = _line(utf8, first, stop, classes, missed, kept, n)
        n_runs, n_letters = n_runs + in_runs, n_letters + letters
    return n, n_runs, n_letters


@inlined
def _line(utf8: Any, place: int, stop: int, classes: Any, missed: Any, kept: Any, n: int) -> Any:
    """Append the prose of a line: the new length, where the next line begins, the bytes of words in runs, and those of all words."""
    n_runs, n_letters, n_words, n_open, size, is_plain = 0, 0, 0, 0, 0, True
    while place < stop and utf8[place] != LINE_FEED:
        kind = classes[utf8[place]]
        if kind == BLANK:
            n_words, n_open, n_runs = _counted(n_words, n_open, n_runs, size, is_plain)
            size, is_plain = 0, True
            kept[n] = SPACE
            n, place = n + 1, place + 1
            continue
        if kind == OPEN:
            place, is_plain = left_out(utf8, place, stop, missed), False
            continue
        begin, before, kinds = place, n, 0
        ends = ~WIDE if kind == WIDE else BLANK | OPEN | WIDE
        while place < stop:
            kind = classes[utf8[place]]
            if kind & ends:
                break
            kept[n] = utf8[place]  # taken back where it is no word
            kinds |= kind
            n, place = n + 1, place + 1
        if kinds & (MARK | DOT | BRACKET) or kinds & (LETTER | DIGIT) == LETTER | DIGIT or (place - begin > LONGEST_WORD and kinds != WIDE):
            first, last = is_word(utf8, begin, place, classes)
            is_plain = is_plain and last > first
            if kinds & MARK or last == first:
                n = _copy(utf8, first, last, kept, before)
        if kinds & WIDE:
            n_runs, n_letters = n_runs + n - before, n_letters + n - before
        elif kinds & LETTER:
            size, n_letters = size + n - before, n_letters + n - before
    n_words, n_open, n_runs = _counted(n_words, n_open, n_runs, size, is_plain)
    kept[n] = LINE_FEED
    return n + 1, place + 1, n_runs, n_letters


@inlined
def _counted(n_words: int, n_open: int, n_runs: int, size: int, is_plain: bool) -> Any:
    """The state of a run of plain words after one more token; a token without letters changes nothing."""
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
