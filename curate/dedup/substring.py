"""Repeated substrings: every span of at least n bytes that occurred earlier anywhere in the collection (Lee et al. 2022).

A byte is cut if it is in a window of n bytes whose first occurrence is earlier and does not overlap it. A suffix array over all documents gives
the same (neighbours with a common prefix of at least n bytes), but takes five to nine bytes of memory per byte of text and cannot be built in
parts without missing matches between them. Here, anchors (`winnow`) show which windows can repeat at all; only those enter a table (`windows`),
in as many passes over their texts as the memory requires. The result does not depend on memory or on the division into chunks.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from curate.dedup.occurrences import MEMORY_BYTES, surplus_occurrences
from curate.dedup.windows import FILL, MARK_LATER, MARK_REPEATED, SLOT_BYTES, WindowTable
from curate.dedup.winnow import find_anchors
from curate.kernels.kernel import kernel

Keep = Literal["first", "none"]


class TextChunk(NamedTuple):
    """Documents of a collection, in order: document docs[i] is utf8[offsets[i] : offsets[i + 1]]."""

    docs: np.ndarray
    utf8: np.ndarray
    offsets: np.ndarray


class AnchorChunk(NamedTuple):
    """Hashes of the anchors of documents: those of docs[i] are hashes[doc_offsets[i] : doc_offsets[i + 1]]."""

    docs: np.ndarray
    doc_offsets: np.ndarray
    hashes: np.ndarray


class Ranges(NamedTuple):
    """Spans of documents, ordered, neither adjacent nor overlapping: bytes starts[r] : ends[r] of document docs[r]; all (n,) int64."""

    docs: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def repeated_substrings(
    texts: Callable[[np.ndarray], Iterable[TextChunk]],
    anchors: Callable[[], Iterable[AnchorChunk]],
    passed: np.ndarray,
    n_bytes: np.ndarray,
    window_bytes: int,
    keep: Keep = "first",
    memory_bytes: int = MEMORY_BYTES,
) -> Ranges:
    """Spans of `passed` documents that repeat at least `window_bytes` bytes found elsewhere.

    `texts(mask)` returns the documents of a mask and `anchors()` the anchors of all, in document order; both are called repeatedly. `passed
    (n_docs,)` bool, `n_bytes (n_docs,)` int64. `keep="first"` keeps the first occurrence; `"none"` cuts all, as Google's program does. Memory:
    17 bytes per document, one byte per anchor, one byte per byte of the largest chunk, and tables of about `memory_bytes`.
    """
    flags, flag_offsets = _repeated_anchors(anchors, passed, memory_bytes)
    bases = np.append(0, np.cumsum(n_bytes))
    concerned = _any_in(flags, flag_offsets) & passed
    n_windows = int(n_bytes[concerned].sum()) * int(flags.sum()) // max(int(np.diff(flag_offsets)[concerned].sum()), 1)
    n_passes = max(1, -(-n_windows * 2 * SLOT_BYTES // memory_bytes))
    ranges: list[Ranges] = []
    for number in range(n_passes):
        table = WindowTable(window_bytes)
        for action in (MARK_LATER,) if keep == "first" else (FILL, MARK_REPEATED):
            for chunk in texts(concerned):
                runs = _runs(chunk, flags, flag_offsets, bases, window_bytes, number, n_passes)
                marked = np.zeros(len(chunk.utf8), np.uint8)
                table.mark(chunk.utf8, *runs, action, marked)
                if action != FILL:
                    ranges.append(_marked_ranges(chunk, marked))
    return merged(ranges)


def merged(parts: list[Ranges]) -> Ranges:
    """The union of ranges, in order."""
    docs, starts, ends = (np.concatenate([np.empty(0, np.int64), *(part[column] for part in parts)]) for column in range(3))
    order = np.lexsort((starts, docs))
    docs, starts, ends = docs[order], starts[order], ends[order]
    n = _merge(docs, starts, ends)
    return Ranges(docs[:n].copy(), starts[:n].copy(), ends[:n].copy())


def _repeated_anchors(anchors: Callable[[], Iterable[AnchorChunk]], passed: np.ndarray, memory_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Which anchors of passed documents repeat, (n_anchors,) bool in order, and the offsets of each document's anchors, (n_docs + 1,) int64."""
    counts = np.zeros(len(passed), np.int64)
    for chunk in anchors():
        counts[chunk.docs] = np.diff(chunk.doc_offsets)
    counts[~passed] = 0

    def stream() -> Iterator[np.ndarray]:
        for chunk in anchors():
            yield chunk.hashes[np.repeat(passed[chunk.docs], np.diff(chunk.doc_offsets))]

    return surplus_occurrences(stream, keep=0, memory_bytes=memory_bytes).surplus, np.append(0, np.cumsum(counts))


def _any_in(flags: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    any_set = np.zeros(len(offsets) - 1, bool)
    _find_any(flags, offsets, any_set)
    return any_set


@kernel
def _find_any(flags: Any, offsets: Any, any_set: Any) -> None:
    for doc in range(len(any_set)):
        for i in range(offsets[doc], offsets[doc + 1]):
            any_set[doc] |= flags[i]


def _runs(
    chunk: TextChunk, flags: np.ndarray, flag_offsets: np.ndarray, bases: np.ndarray, window_bytes: int, number: int, n_passes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows of a chunk whose anchors repeat and belong to a pass, as `WindowTable.mark` takes them."""
    anchors = find_anchors(chunk.utf8, chunk.offsets, window_bytes)
    n_anchors = np.diff(anchors.doc_offsets)
    within = np.arange(len(anchors.hashes)) - np.repeat(anchors.doc_offsets[:-1], n_anchors)
    repeats = flags[np.repeat(flag_offsets[chunk.docs], n_anchors) + within]
    n_windows = np.diff(chunk.offsets) - window_bytes + 1
    stops = np.append(anchors.firsts[1:], 0)
    has_anchors = n_anchors > 0
    stops[anchors.doc_offsets[1:][has_anchors] - 1] = n_windows[has_anchors]
    chosen = repeats & (anchors.hashes % np.uint64(n_passes) == np.uint64(number))
    begins = anchors.firsts + np.repeat(chunk.offsets[:-1], n_anchors)
    positions = anchors.firsts + np.repeat(bases[chunk.docs], n_anchors) + 1
    return begins[chosen], (stops - anchors.firsts)[chosen], positions[chosen]


def _marked_ranges(chunk: TextChunk, marked: np.ndarray) -> Ranges:
    """Runs of marked bytes, cut at the ends of documents."""
    edges = np.flatnonzero(np.diff(marked, prepend=0, append=0))
    starts, ends = edges[::2].astype(np.int64), edges[1::2].astype(np.int64)
    inner = chunk.offsets[1:-1]
    inner = inner[(inner > 0) & (inner < len(marked))]
    inner = np.unique(inner[(marked[inner - 1] == 1) & (marked[inner] == 1)])
    starts, ends = np.sort(np.concatenate([starts, inner])), np.sort(np.concatenate([ends, inner]))
    rows = np.searchsorted(chunk.offsets, starts, side="right") - 1
    return Ranges(chunk.docs[rows], starts - chunk.offsets[rows], ends - chunk.offsets[rows])


@kernel
def _merge(docs: Any, starts: Any, ends: Any) -> int:
    n = 0
    for i in range(len(docs)):
        if n > 0 and docs[n - 1] == docs[i] and starts[i] <= ends[n - 1]:
            ends[n - 1] = max(ends[n - 1], ends[i])
        else:
            docs[n], starts[n], ends[n] = docs[i], starts[i], ends[i]
            n += 1
    return n
