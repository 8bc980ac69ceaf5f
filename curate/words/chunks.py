"""A table from chunks of text to the words in them, probed from kernels and filled from Python.

A chunk is the text between two spaces, or several such texts whose marks may join over a space. The table holds chunks that only spaCy can
split. Keys are compared byte by byte, so chunks are never confused.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.hashing import scatter
from curate.kernels.kernel import kernel

N_ENTRIES = 1 << 19
N_TEXT_BYTES = 1 << 23


class ChunkTable(NamedTuple):
    """Open addressing over growing lists."""

    slots: np.ndarray
    """(n_slots,) int32: entry index + 1, 0 if free. A power of two, at least twice the number of entries."""
    hashes: np.ndarray
    """(n_entries,) uint64: polynomial hash of the chunk's bytes."""
    text: np.ndarray
    """(n_text,) uint8: bytes of all chunks, one after another."""
    text_starts: np.ndarray
    """(n_entries + 1,) int64: chunk e is text[text_starts[e] : text_starts[e + 1]]."""
    word_starts: np.ndarray
    """(n_text,) int32: start byte of each word within its chunk. Those of chunk e start at text_starts[e], since a word has at least one byte."""
    word_ends: np.ndarray
    """(n_text,) int32: end byte, exclusive."""
    n_words: np.ndarray
    """(n_entries,) int32: number of words of the chunk; 0 if not split yet."""
    used: np.ndarray
    """(1,) int64: number of entries."""


def empty_table(n_entries: int = N_ENTRIES, n_text_bytes: int = N_TEXT_BYTES) -> ChunkTable:
    """A table with room for `n_entries` chunks of `n_text_bytes` bytes in total."""
    return ChunkTable(
        slots=np.zeros(1 << (2 * n_entries - 1).bit_length(), np.int32),
        hashes=np.zeros(n_entries, np.uint64),
        text=np.zeros(n_text_bytes, np.uint8),
        text_starts=np.zeros(n_entries + 1, np.int64),
        word_starts=np.zeros(n_text_bytes, np.int32),
        word_ends=np.zeros(n_text_bytes, np.int32),
        n_words=np.zeros(n_entries, np.int32),
        used=np.zeros(1, np.int64),
    )


def has_room(table: ChunkTable, n_bytes: int) -> bool:
    """Whether a text of `n_bytes` fits even if all its chunks are new, one byte each, and joined chunks too."""
    used = table.used[0]
    return bool(used + n_bytes + 1 <= len(table.hashes) and table.text_starts[used] + 2 * n_bytes <= len(table.text))


def set_words(table: ChunkTable, entry: int, spans: list[tuple[int, int]]) -> None:
    """Set the start and end bytes of the words of a chunk."""
    first = table.text_starts[entry]
    for place, (start, end) in enumerate(spans, first):
        table.word_starts[place], table.word_ends[place] = start, end
    table.n_words[entry] = len(spans)


def chunk_text(table: ChunkTable, entry: int) -> str:
    """Text of a chunk."""
    return table.text[table.text_starts[entry] : table.text_starts[entry + 1]].tobytes().decode("utf-8", "replace")


@kernel
def find_or_add(table: Any, utf8: Any, start: int, end: int, hashed: Any) -> Any:
    """Entry of the chunk utf8[start:end], added without words if it is new. The caller ensures that there is room."""
    mask = len(table.slots) - 1
    slot = np.int64(scatter(hashed)) & mask
    while table.slots[slot] != 0:
        entry = table.slots[slot] - 1
        if table.hashes[entry] == hashed and _same_bytes(table.text, table.text_starts[entry], table.text_starts[entry + 1], utf8, start, end):
            return entry
        slot = (slot + 1) & mask
    entry = table.used[0]
    table.used[0] = entry + 1
    table.slots[slot] = entry + 1
    table.hashes[entry] = hashed
    first = table.text_starts[entry]
    for i in range(end - start):
        table.text[first + i] = utf8[start + i]
    table.text_starts[entry + 1] = first + end - start
    return entry


@kernel
def _same_bytes(text: Any, text_start: int, text_end: int, utf8: Any, start: int, end: int) -> bool:
    if text_end - text_start != end - start:
        return False
    for i in range(end - start):  # noqa: SIM110 (kernels have no generators)
        if text[text_start + i] != utf8[start + i]:
            return False
    return True
