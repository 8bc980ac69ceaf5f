"""Lines and paragraphs: positions, lengths, and which ones repeat an earlier one."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.bits import Bits, chars_between, count_bits, next_bit
from curate.kernels.bytewise import hash_stretch, same_bytes
from curate.kernels.characters import SPACE, TERMINAL, character_table, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.marks import NEWLINE
from curate.kernels.positions import clear, new_positions, next_slot, note, place_at, slot_of

BLANK = 1
"""Flag of a span that is only white space."""
ENDS_SENTENCE = 2
"""Flag of a span whose last character is terminal punctuation."""


class Spans(NamedTuple):
    """Spans of documents, in order. The spans of document d are doc_offsets[d]:doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_spans,) int64: start byte."""
    ends: np.ndarray
    """(n_spans,) int64: end byte, exclusive."""
    n_chars: np.ndarray
    """(n_spans,) int64: number of code points."""
    flags: np.ndarray
    """(n_spans,) uint8: BLANK, ENDS_SENTENCE."""
    repeated: np.ndarray
    """(n_spans,) uint8: 1 if an earlier span of the document has the same text."""


def lines_of(utf8: np.ndarray, offsets: np.ndarray, bits: Bits) -> Spans:
    """Non-empty lines between newlines, unstripped, of padded text (`buffers.padded`) and its bits."""
    return _spans(_find_lines, utf8, offsets, bits)


def paragraphs_of(utf8: np.ndarray, offsets: np.ndarray, bits: Bits) -> Spans:
    """Paragraphs between runs of two or more newlines, in the stripped document."""
    return _spans(_find_paragraphs, utf8, offsets, bits)


def chars_of(offsets: np.ndarray, bits: Bits) -> np.ndarray:
    """Number of code points of each document, (n_docs,) int64."""
    n_chars = np.empty(len(offsets) - 1, np.int64)
    _count_chars(offsets, bits, n_chars)
    return n_chars


def sum_by_document(values: np.ndarray, doc_offsets: np.ndarray) -> np.ndarray:
    """Sum of the values (n_spans,) of each document's spans, (n_docs,) int64."""
    sums = np.zeros(len(doc_offsets) - 1, np.int64)
    _add_up(values.astype(np.int64), doc_offsets, sums)
    return sums


def _spans(find: Any, utf8: np.ndarray, offsets: np.ndarray, bits: Bits) -> Spans:
    n_most = int(count_newlines(bits, int(offsets[-1]))) + len(offsets)
    doc_offsets = np.zeros(len(offsets), np.int64)
    starts, ends, n_chars = np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.empty(n_most, np.int64)
    flags, repeated, hashes = np.empty(n_most, np.uint8), np.zeros(n_most, np.uint8), np.empty(n_most, np.uint64)
    n = find(utf8, offsets, bits, character_table(), doc_offsets, starts, ends)
    spans = Spans(doc_offsets, starts[:n], ends[:n], n_chars[:n], flags[:n], repeated[:n])
    _describe(utf8, bits, character_table(), spans, hashes)
    _mark_repeated(utf8, spans, hashes, new_positions(int(np.max(np.diff(doc_offsets), initial=0))))
    return spans


@kernel
def _add_up(values: Any, doc_offsets: Any, sums: Any) -> None:
    for doc in range(len(sums)):
        for span in range(doc_offsets[doc], doc_offsets[doc + 1]):
            sums[doc] += values[span]


@kernel
def count_newlines(bits: Any, n_bytes: int) -> int:
    """Number of newlines in the first `n_bytes`."""
    return count_bits(bits.newlines, 0, n_bytes)


@kernel
def count_chars(utf8: Any, start: int, end: int) -> int:
    """Number of code points of utf8[start:end]."""
    n = 0
    for i in range(start, end):
        n += (utf8[i] & 0xC0) != 0x80
    return n


@kernel
def _count_chars(offsets: Any, bits: Any, n_chars: Any) -> None:
    for doc in range(len(n_chars)):
        n_chars[doc] = chars_between(bits, offsets[doc], offsets[doc + 1])


@kernel
def char_before(utf8: Any, start: int, i: int) -> int:
    """Start byte of the character that ends before byte i."""
    i -= 1
    while i > start and (utf8[i] & 0xC0) == 0x80:
        i -= 1
    return i


@kernel
def strip_start(utf8: Any, start: int, end: int, characters: Any) -> int:
    """`lstrip`: position of the first byte of utf8[start:end] that is not white space, or `end`."""
    while start < end and characters[code_point_at(utf8, start)] & SPACE:
        start += width_at(utf8, start)
    return start


@kernel
def strip_end(utf8: Any, start: int, end: int, characters: Any) -> int:
    """`rstrip`: position after the last byte of utf8[start:end] that is not white space, or `start`."""
    while end > start:
        last = char_before(utf8, start, end)
        if not characters[code_point_at(utf8, last)] & SPACE:
            return end
        end = last
    return end


@kernel
def _find_lines(utf8: Any, offsets: Any, bits: Any, characters: Any, doc_offsets: Any, starts: Any, ends: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            starts[n], ends[n] = i, next_bit(bits.newlines, i, end)
            i = ends[n] + 1
            n += ends[n] > starts[n]
        doc_offsets[doc + 1] = n
    return n


@kernel
def _find_paragraphs(utf8: Any, offsets: Any, bits: Any, characters: Any, doc_offsets: Any, starts: Any, ends: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        end = strip_end(utf8, offsets[doc], offsets[doc + 1], characters)
        i = strip_start(utf8, offsets[doc], end, characters)
        while i < end:
            starts[n] = i
            i = next_bit(bits.newlines, i, end)
            while i < end and utf8[i + 1] != NEWLINE:
                i = next_bit(bits.newlines, i + 1, end)
            ends[n] = i
            n += 1
            while i < end and utf8[i] == NEWLINE:
                i += 1
        doc_offsets[doc + 1] = n
    return n


@kernel
def _describe(utf8: Any, bits: Any, characters: Any, spans: Any, hashes: Any) -> None:
    for s in range(len(spans.starts)):
        start, end = spans.starts[s], spans.ends[s]
        spans.n_chars[s] = chars_between(bits, start, end)
        hashes[s] = hash_stretch(utf8, start, end)
        blank = strip_start(utf8, start, end, characters) == end
        last = characters[code_point_at(utf8, char_before(utf8, start, end))]
        spans.flags[s] = (BLANK if blank else 0) | (ENDS_SENTENCE if last & TERMINAL else 0)


@kernel
def _mark_repeated(utf8: Any, spans: Any, hashes: Any, table: Any) -> None:
    """Mark each span whose bytes equal those of an earlier span of its document."""
    for doc in range(len(spans.doc_offsets) - 1):
        first, last = spans.doc_offsets[doc], spans.doc_offsets[doc + 1]
        clear(table, last - first, last - first)
        for span in range(first, last):
            slot = slot_of(table, hashes[span])
            place = place_at(table, slot)
            while place >= 0 and not (hashes[first + place] == hashes[span] and _same(utf8, spans, first + place, span)):
                slot = next_slot(table, slot)
                place = place_at(table, slot)
            if place < 0:
                note(table, slot, span - first)
            else:
                spans.repeated[span] = 1


@inlined
def _same(utf8: Any, spans: Any, one: int, other: int) -> bool:
    n_bytes = spans.ends[one] - spans.starts[one]
    return n_bytes == spans.ends[other] - spans.starts[other] and same_bytes(utf8, spans.starts[one], utf8, spans.starts[other], n_bytes)
