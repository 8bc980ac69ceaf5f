"""Lines and paragraphs that occur more than once in their document; every occurrence counts, the first included."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.characters import character_table
from curate.kernels.hashing import hash_span, scatter, table_size
from curate.kernels.kernel import kernel
from curate.kernels.lines import Spans, count_chars, strip_end, strip_start


class Copies(NamedTuple):
    """Per document, (n_docs,) int64 each."""

    n_spans: np.ndarray
    n_chars: np.ndarray
    n_copied: np.ndarray
    """Number of spans that equal another span of the document."""
    n_copied_chars: np.ndarray


def copies_of(utf8: np.ndarray, spans: Spans, strip: bool) -> Copies:
    """Count the spans, compared by a 64-bit hash. `strip`: ignore white space at their ends, and blank spans."""
    n_docs, longest = len(spans.doc_offsets) - 1, int(np.max(np.diff(spans.doc_offsets), initial=0))
    copies = Copies(*(np.zeros(n_docs, np.int64) for _ in range(4)))
    scratch = (np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64))
    _count(utf8, spans.doc_offsets, spans.starts, spans.ends, strip, character_table(), *scratch, np.empty(table_size(longest), np.int64), copies)
    return copies


@kernel
def _count(
    utf8: Any,
    doc_offsets: Any,
    starts: Any,
    ends: Any,
    strip: bool,
    characters: Any,
    hashes: Any,
    chars: Any,
    firsts: Any,
    counts: Any,
    slots: Any,
    copies: Any,
) -> None:
    for doc in range(len(doc_offsets) - 1):
        n = 0
        for span in range(doc_offsets[doc], doc_offsets[doc + 1]):
            start, end = starts[span], ends[span]
            if strip:
                start = strip_start(utf8, start, end, characters)
                end = strip_end(utf8, start, end, characters)
            if end > start:
                hashes[n] = hash_span(utf8, start, end)
                chars[n] = count_chars(utf8, start, end)
                copies.n_chars[doc] += chars[n]
                n += 1
        copies.n_spans[doc] = n
        _count_equal(hashes, n, firsts, counts, slots)
        for span in range(n):
            if counts[firsts[span]] > 1:
                copies.n_copied[doc] += 1
                copies.n_copied_chars[doc] += chars[span]


@kernel
def _count_equal(hashes: Any, n: int, firsts: Any, counts: Any, slots: Any) -> None:
    n_slots = 16
    while n_slots < 2 * n:
        n_slots *= 2
    slots[:n_slots] = 0
    for span in range(n):
        slot = np.int64(scatter(hashes[span])) & (n_slots - 1)
        while slots[slot] != 0 and hashes[slots[slot] - 1] != hashes[span]:
            slot = (slot + 1) & (n_slots - 1)
        if slots[slot] == 0:
            slots[slot] = span + 1
            counts[span] = 0
        firsts[span] = slots[slot] - 1
        counts[firsts[span]] += 1
