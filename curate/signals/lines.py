"""Lines and paragraphs: where they lie, how long they are, and which of them were there before."""

from typing import Any, NamedTuple

import numpy as np

from curate.signals.characters import SPACE, TERMINAL, character_table, code_point_at, width_at
from curate.signals.hashing import hash_span, scatter
from curate.signals.kernel import kernel
from curate.signals.marks import NEWLINE

BLANK = 1
"""Flag of a span: white space only."""
ENDS_SENTENCE = 2
"""Flag of a span: its last character is terminal punctuation."""


class Spans(NamedTuple):
    """Stretches of documents, in order; span s of document d has doc_offsets[d] ≤ s < doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_spans,) int64: first byte."""
    ends: np.ndarray
    """(n_spans,) int64: byte after the last."""
    n_chars: np.ndarray
    """(n_spans,) int64: code points."""
    flags: np.ndarray
    """(n_spans,) uint8: BLANK, ENDS_SENTENCE."""
    repeated: np.ndarray
    """(n_spans,) uint8: 1 if the same text came earlier in the document."""


def lines_of(utf8: np.ndarray, offsets: np.ndarray) -> Spans:
    """Lines between newlines, empty ones left out, unstripped."""
    return _spans(_find_lines, utf8, offsets)


def paragraphs_of(utf8: np.ndarray, offsets: np.ndarray) -> Spans:
    """Paragraphs between runs of two or more newlines, in the stripped document."""
    return _spans(_find_paragraphs, utf8, offsets)


def chars_of(utf8: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Code points of each document, as Python's `len`, (n_docs,) int64."""
    n_chars = np.empty(len(offsets) - 1, np.int64)
    _count_chars(utf8, offsets, n_chars)
    return n_chars


def sum_by_document(values: np.ndarray, doc_offsets: np.ndarray) -> np.ndarray:
    """Sum of the values (n_spans,) of each document's spans, (n_docs,) int64."""
    sums = np.zeros(len(doc_offsets) - 1, np.int64)
    _add_up(values.astype(np.int64), doc_offsets, sums)
    return sums


def _spans(find: Any, utf8: np.ndarray, offsets: np.ndarray) -> Spans:
    n_most = int(count_byte(utf8, offsets[0], offsets[-1], NEWLINE)) + len(offsets)
    doc_offsets = np.zeros(len(offsets), np.int64)
    starts, ends, n_chars = np.empty(n_most, np.int64), np.empty(n_most, np.int64), np.empty(n_most, np.int64)
    flags, repeated, hashes = np.empty(n_most, np.uint8), np.zeros(n_most, np.uint8), np.empty(n_most, np.uint64)
    n = find(utf8, offsets, character_table(), doc_offsets, starts, ends)
    _describe(utf8, character_table(), starts[:n], ends[:n], n_chars, flags, hashes)
    longest = int(np.max(np.diff(doc_offsets), initial=0))
    _mark_repeated(doc_offsets, hashes, repeated, np.zeros(table_size(longest), np.int32))
    return Spans(doc_offsets, starts[:n], ends[:n], n_chars[:n], flags[:n], repeated[:n])


def table_size(n_keys: int) -> int:
    """Slots of an open-addressing table for `n_keys` keys: a power of two, at most half full."""
    return 1 << max(4, (2 * n_keys).bit_length())


@kernel
def _add_up(values: Any, doc_offsets: Any, sums: Any) -> None:
    for doc in range(len(sums)):
        for span in range(doc_offsets[doc], doc_offsets[doc + 1]):
            sums[doc] += values[span]


@kernel
def count_byte(utf8: Any, start: int, end: int, byte: int) -> int:
    """How often a byte occurs in utf8[start:end]."""
    n = 0
    for i in range(start, end):
        n += utf8[i] == byte
    return n


@kernel
def count_chars(utf8: Any, start: int, end: int) -> int:
    """Code points of utf8[start:end]: its bytes that continue none."""
    n = 0
    for i in range(start, end):
        n += (utf8[i] & 0xC0) != 0x80
    return n


@kernel
def _count_chars(utf8: Any, offsets: Any, n_chars: Any) -> None:
    for doc in range(len(n_chars)):
        n_chars[doc] = count_chars(utf8, offsets[doc], offsets[doc + 1])


@kernel
def char_before(utf8: Any, start: int, i: int) -> int:
    """First byte of the character that ends before byte i."""
    i -= 1
    while i > start and (utf8[i] & 0xC0) == 0x80:
        i -= 1
    return i


@kernel
def strip_start(utf8: Any, start: int, end: int, characters: Any) -> int:
    """`lstrip`: first byte of utf8[start:end] that is no white space, or `end`."""
    while start < end and characters[code_point_at(utf8, start)] & SPACE:
        start += width_at(utf8, start)
    return start


@kernel
def strip_end(utf8: Any, start: int, end: int, characters: Any) -> int:
    """`rstrip`: the byte after the last of utf8[start:end] that is no white space, or `start`."""
    while end > start:
        last = char_before(utf8, start, end)
        if not characters[code_point_at(utf8, last)] & SPACE:
            return end
        end = last
    return end


@kernel
def _find_lines(utf8: Any, offsets: Any, characters: Any, doc_offsets: Any, starts: Any, ends: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            start = i
            while i < end and utf8[i] != NEWLINE:
                i += 1
            if i > start:
                starts[n], ends[n] = start, i
                n += 1
            i += 1
        doc_offsets[doc + 1] = n
    return n


@kernel
def _find_paragraphs(utf8: Any, offsets: Any, characters: Any, doc_offsets: Any, starts: Any, ends: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        end = strip_end(utf8, offsets[doc], offsets[doc + 1], characters)
        i = strip_start(utf8, offsets[doc], end, characters)
        while i < end:
            start = i
            while i < end and not (utf8[i] == NEWLINE and utf8[i + 1] == NEWLINE):
                i += 1
            starts[n], ends[n] = start, i
            n += 1
            while i < end and utf8[i] == NEWLINE:
                i += 1
        doc_offsets[doc + 1] = n
    return n


@kernel
def _describe(utf8: Any, characters: Any, starts: Any, ends: Any, n_chars: Any, flags: Any, hashes: Any) -> None:
    for s in range(len(starts)):
        start, end = starts[s], ends[s]
        n_chars[s] = count_chars(utf8, start, end)
        hashes[s] = hash_span(utf8, start, end)
        blank = strip_start(utf8, start, end, characters) == end
        last = characters[code_point_at(utf8, char_before(utf8, start, end))]
        flags[s] = (BLANK if blank else 0) | (ENDS_SENTENCE if last & TERMINAL else 0)


@kernel
def _mark_repeated(doc_offsets: Any, hashes: Any, repeated: Any, slots: Any) -> None:
    """`slots` holds span numbers + 1; of the spans of a document with equal hashes, all but the first are marked."""
    for doc in range(len(doc_offsets) - 1):
        first, last = doc_offsets[doc], doc_offsets[doc + 1]
        n_slots = 16
        while n_slots < 2 * (last - first):
            n_slots *= 2
        slots[:n_slots] = 0
        for span in range(first, last):
            slot = np.int64(scatter(hashes[span])) & (n_slots - 1)
            while slots[slot] != 0 and hashes[slots[slot] - 1] != hashes[span]:
                slot = (slot + 1) & (n_slots - 1)
            if slots[slot] == 0:
                slots[slot] = span + 1
            else:
                repeated[span] = 1
