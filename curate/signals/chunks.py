"""A table from chunks of text to the words in them, probed from kernels and filled from Python.

A chunk is what lies between two spaces. How it splits is known for the tokenizer's exceptions from the start, and for the rest from
the first time it was met; keys are compared byte by byte, so no two chunks are ever mixed up.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from curate.signals.hashing import hash_bytes, scatter
from curate.signals.kernel import kernel

N_ENTRIES = 1 << 18
N_SLOTS = 1 << 19
N_TEXT_BYTES = 1 << 23
N_FILTER_BITS = 1 << 17


class ChunkTable(NamedTuple):
    """Open addressing over growing lists; `n_slots` is a power of two and at least twice the entries."""

    slots: np.ndarray
    """(n_slots,) int32: entry number + 1, 0 if free."""
    hashes: np.ndarray
    """(n_entries,) uint64: polynomial hash of the chunk's bytes."""
    text: np.ndarray
    """(n_text,) uint8: bytes of all chunks, one after another."""
    text_starts: np.ndarray
    """(n_entries + 1,) int64: chunk e lies at text[text_starts[e] : text_starts[e + 1]]."""
    cuts: np.ndarray
    """(n_text,) int32: byte in the chunk at which each of its words ends; a chunk has at most as many words as bytes."""
    n_cuts: np.ndarray
    """(n_entries,) int32: number of words of chunk e, at cuts[text_starts[e]:]; 0 while it is not known."""
    exception: np.ndarray
    """(n_entries,) uint8: 1 if the tokenizer treats the chunk as an exception wherever it remains after affixes."""
    exception_filter: np.ndarray
    """(N_FILTER_BITS / 64,) uint64: one bit per hash of an exception; most others are refused here."""
    used: np.ndarray
    """(1,) int64: number of entries."""


def empty_table(n_entries: int = N_ENTRIES, n_text_bytes: int = N_TEXT_BYTES) -> ChunkTable:
    """A table with room for `n_entries` chunks of `n_text_bytes` bytes in all."""
    n_slots = max(N_SLOTS, 1 << (2 * n_entries - 1).bit_length())
    return ChunkTable(
        slots=np.zeros(n_slots, np.int32),
        hashes=np.zeros(n_entries, np.uint64),
        text=np.zeros(n_text_bytes, np.uint8),
        text_starts=np.zeros(n_entries + 1, np.int64),
        cuts=np.zeros(n_text_bytes, np.int32),
        n_cuts=np.zeros(n_entries, np.int32),
        exception=np.zeros(n_entries, np.uint8),
        exception_filter=np.zeros(N_FILTER_BITS // 64, np.uint64),
        used=np.zeros(1, np.int64),
    )


def has_room(table: ChunkTable, n_bytes: int) -> bool:
    """Whether a text of `n_bytes` fits even if all its chunks were new: each takes a byte and a space at least."""
    used = table.used[0]
    return bool(used + n_bytes // 2 + 1 <= len(table.hashes) and table.text_starts[used] + n_bytes <= len(table.text))


def add_exceptions(table: ChunkTable, chunks: Iterable[tuple[bytes, list[int]]]) -> None:
    """Enter (chunk, ends of its words in bytes) pairs as exceptions."""
    for chunk, ends in chunks:
        utf8 = np.frombuffer(chunk, np.uint8)
        entry = add_chunk(table, utf8, 0, len(utf8), np.uint64(hash_bytes(utf8, 0, len(utf8))))
        set_cuts(table, entry, ends)
        table.exception[entry] = 1
        bit = int(scatter(table.hashes[entry])) % N_FILTER_BITS
        table.exception_filter[bit // 64] |= np.uint64(1 << bit % 64)


def set_cuts(table: ChunkTable, entry: int, ends: list[int]) -> None:
    """Say where the words of a chunk end, in bytes."""
    start = table.text_starts[entry]
    table.cuts[start : start + len(ends)] = ends
    table.n_cuts[entry] = len(ends)


def chunk_text(table: ChunkTable, entry: int) -> str:
    """The chunk itself."""
    return table.text[table.text_starts[entry] : table.text_starts[entry + 1]].tobytes().decode("utf-8", "replace")


@kernel
def may_be_exception(table: Any, hashed: Any) -> bool:
    """False for nearly all chunks that are no exceptions, at the price of one bit."""
    bit = scatter(hashed) & np.uint64(N_FILTER_BITS - 1)
    return (table.exception_filter[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) != 0


@kernel
def find_chunk(table: Any, utf8: Any, start: int, end: int, hashed: Any) -> int:
    """Entry of the chunk utf8[start:end], or -1."""
    mask = len(table.slots) - 1
    slot = np.int64(scatter(hashed) >> np.uint64(20)) & mask
    while table.slots[slot] != 0:
        entry = table.slots[slot] - 1
        if table.hashes[entry] == hashed and _same_bytes(table, entry, utf8, start, end):
            return entry
        slot = (slot + 1) & mask
    return -1


@kernel
def _same_bytes(table: Any, entry: int, utf8: Any, start: int, end: int) -> bool:
    first = table.text_starts[entry]
    if table.text_starts[entry + 1] - first != end - start:
        return False
    for i in range(end - start):  # noqa: SIM110 (numba compiles loops faster than generators)
        if table.text[first + i] != utf8[start + i]:
            return False
    return True


@kernel
def find_exception(table: Any, utf8: Any, start: int, end: int, hashed: Any) -> int:
    """Entry of utf8[start:end] if it is an exception of the tokenizer, or -1."""
    if not may_be_exception(table, hashed):
        return -1
    entry = find_chunk(table, utf8, start, end, hashed)
    return entry if entry >= 0 and table.exception[entry] != 0 else -1


@kernel
def add_chunk(table: Any, utf8: Any, start: int, end: int, hashed: Any) -> int:
    """Enter a chunk that is not in the table; its words are not known yet. The caller has made sure of room."""
    mask = len(table.slots) - 1
    slot = np.int64(scatter(hashed) >> np.uint64(20)) & mask
    while table.slots[slot] != 0:
        slot = (slot + 1) & mask
    entry = table.used[0]
    table.used[0] = entry + 1
    table.slots[slot] = entry + 1
    table.hashes[entry] = hashed
    first = table.text_starts[entry]
    for i in range(end - start):
        table.text[first + i] = utf8[start + i]
    table.text_starts[entry + 1] = first + end - start
    table.n_cuts[entry] = 0
    table.exception[entry] = 0
    return entry
