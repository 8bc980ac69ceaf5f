"""Runs of five to ten words that repeat an earlier run of the document, compared by their bytes without separators.

The words of a document are copied into one buffer. A run can only repeat if its first STEP bytes repeat, then its first 2·STEP, and so on; the
first test rules out nearly all words. Each remaining word gets as name the first word from which the same bytes start. Two runs are equal if
their names, lengths and remaining bytes are; the result does not rely on hashes.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.bytewise import hash_on, mix, same_bytes
from curate.kernels.kernel import inlined, kernel
from curate.kernels.positions import Positions, clear, new_positions, next_slot, note, place_at, slot_of
from curate.kernels.simd import PADDING, load_word, store_word

DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
STEP = 16
N_LEVELS = 5
"""Names exist for the first 0, 1, … N_LEVELS - 1 steps; the rest of longer runs is compared byte by byte."""

_NEVER = -1


class RunSpace(NamedTuple):
    """Scratch space for the words of one document."""

    table: Positions
    joined: np.ndarray
    """(n_bytes + PADDING,) uint8: the words, concatenated."""
    byte_starts: np.ndarray
    """(n_words + 1,) int32: cumulative bytes of the words."""
    char_starts: np.ndarray
    """(n_words + 1,) int32: cumulative characters of the words."""
    names: np.ndarray
    """(N_LEVELS, n_words) int32: first word from which the same level · STEP bytes start, _NEVER if there is no other."""
    candidates: np.ndarray
    """(n_words,) int32: words whose first bytes repeat, and words whose shortest run has fewer bytes than that."""


def new_run_space(n_words: int, n_bytes: int) -> RunSpace:
    """Scratch space for documents of up to `n_words` words and `n_bytes` bytes."""
    return RunSpace(
        table=new_positions(n_words),
        joined=np.empty(n_bytes + PADDING, np.uint8),
        byte_starts=np.zeros(n_words + 1, np.int32),
        char_starts=np.zeros(n_words + 1, np.int32),
        names=np.empty((N_LEVELS, n_words), np.int32),
        candidates=np.empty(n_words, np.int32),
    )


@kernel
def count_duplicate_runs(utf8: Any, words: Any, space: Any, duplicate: Any) -> None:
    """Fill `duplicate` (6, n_docs) int64: characters of repeated runs. `utf8` has PADDING bytes after the last word."""
    for doc in range(len(words.doc_offsets) - 1):
        start, n_words = words.doc_offsets[doc], words.doc_offsets[doc + 1] - words.doc_offsets[doc]
        if n_words <= DUPLICATE_SIZES[0]:
            continue
        _join(utf8, words, start, n_words, space)
        n_candidates = _name_starts(space, n_words)
        for n in range(DUPLICATE_SIZES[0], DUPLICATE_SIZES[-1] + 1):
            n_candidates = _keep_possible(space, n_candidates, n_words - n + 1, n)
            duplicate[n - DUPLICATE_SIZES[0], doc] = _duplicate_chars(space, n_candidates, n_words - n + 1, n)


@kernel
def _join(utf8: Any, words: Any, start: int, n_words: int, space: Any) -> None:
    to = n_chars = 0
    for word in range(n_words):
        first, last = words.starts[start + word], words.ends[start + word]
        store_word(space.joined, to, load_word(utf8, first))
        store_word(space.joined, to + 8, load_word(utf8, first + 8))
        for k in range(16, last - first, 8):
            store_word(space.joined, to + k, load_word(utf8, first + k))
        to += last - first
        n_chars += words.n_chars[start + word]
        space.byte_starts[word + 1], space.char_starts[word + 1] = to, n_chars
    for k in range(0, PADDING - 8, 8):
        store_word(space.joined, to + k, np.uint64(0))


@kernel
def _name_starts(space: Any, n_words: int) -> int:
    """Fill `names` and `candidates`; returns the number of candidates."""
    space.names[0, :n_words] = 0
    for word in range(n_words):
        space.candidates[word] = word
    n = n_words
    for level in range(1, N_LEVELS):
        space.names[level, :n_words] = _NEVER
        _name_level(space, n, n_words, level)
        n = _keep_named(space, n, level)
    n = 0
    for word in range(n_words - DUPLICATE_SIZES[0] + 1):
        is_short = space.byte_starts[word + DUPLICATE_SIZES[0]] - space.byte_starts[word] < STEP
        space.candidates[n] = word
        n += is_short | (space.names[1, word] >= 0)
    return n


@inlined
def _keep_named(space: Any, n_before: int, level: int) -> int:
    n = 0
    for k in range(n_before):
        word = space.candidates[k]
        space.candidates[n] = word
        n += space.names[level, word] >= 0
    return n


@kernel
def _name_level(space: Any, n_candidates: int, n_words: int, level: int) -> None:
    table, joined, shorter, names = space.table, space.joined, space.names[level - 1], space.names[level]
    shift = (level - 1) * STEP
    clear(table, n_words, n_candidates)
    for k in range(n_candidates):
        word = space.candidates[k]
        place = space.byte_starts[word] + shift
        low, high = load_word(joined, place), load_word(joined, place + 8)
        slot = slot_of(table, mix(mix(low + np.uint64(shorter[word])) + high))
        first = place_at(table, slot)
        while first >= 0:
            other = space.byte_starts[first] + shift
            if shorter[first] == shorter[word] and load_word(joined, other) == low and load_word(joined, other + 8) == high:
                break
            slot = next_slot(table, slot)
            first = place_at(table, slot)
        if first < 0:
            note(table, slot, word)
        else:
            names[word] = names[first] = first


@kernel
def _keep_possible(space: Any, n_before: int, n_runs: int, n: int) -> int:
    """Keep the candidates whose run of n words may repeat; at the others, no longer run can repeat."""
    n_kept = 0
    for k in range(n_before):
        word = space.candidates[k]
        if word >= n_runs:
            break
        level = min((space.byte_starts[word + n] - space.byte_starts[word]) // STEP, N_LEVELS - 1)
        space.candidates[n_kept] = word
        n_kept += space.names[level, word] >= 0
    return n_kept


@kernel
def _duplicate_chars(space: Any, n_candidates: int, n_runs: int, n: int) -> int:
    table = space.table
    clear(table, n_runs, n_candidates)
    next_word = n_chars = 0
    for k in range(n_candidates):
        word = space.candidates[k]
        if word < next_word:
            continue
        n_bytes = space.byte_starts[word + n] - space.byte_starts[word]
        if _came_before(space, table, word, n, n_bytes, min(n_bytes // STEP, N_LEVELS - 1)):
            n_chars += space.char_starts[word + n] - space.char_starts[word]
            next_word = word + n
    return n_chars


@inlined
def _came_before(space: Any, table: Any, word: int, n: int, n_bytes: int, level: int) -> bool:
    """Whether the run occurred before; if not, record it."""
    name, rest = space.names[level, word], n_bytes - level * STEP
    place = space.byte_starts[word] + level * STEP
    slot = slot_of(table, hash_on(space.joined, place, rest, np.uint64(name) << np.uint64(32) | np.uint64(n_bytes)))
    first = place_at(table, slot)
    while first >= 0:
        same_start = space.names[level, first] == name and space.byte_starts[first + n] - space.byte_starts[first] == n_bytes
        if same_start and same_bytes(space.joined, place, space.joined, space.byte_starts[first] + level * STEP, rest):
            return True
        slot = next_slot(table, slot)
        first = place_at(table, slot)
    note(table, slot, word)
    return False
