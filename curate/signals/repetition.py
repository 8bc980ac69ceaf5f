"""Signals of repeated runs of words: Gopher's (Rae et al. 2021, table A1), as datatrove counts them."""

from typing import Any, NamedTuple

import numpy as np

from curate.signals.block import Block
from curate.signals.hashing import POWERS, power, scatter
from curate.signals.kernel import inlined, kernel
from curate.signals.lines import table_size

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

_ROW_BASE = np.uint64(0xC2B2AE3D27D4EB4F)
_BITS_PER_RUN = 16
_ONE = np.uint64(1)


def repeated_runs(block: Block) -> dict[str, np.ndarray]:
    """Runs of n words, in shares of the text's characters.

    `top_{n}_gram_char_frac`, n = 2, 3, 4: characters of the most frequent run, words joined by spaces, times its occurrences
    (overlapping ones too). Of equally frequent runs the first counts. 0 for fewer than n words.
    `dup_{n}_gram_char_frac`, n = 5 … 10: characters of runs, words joined by nothing, that came before; from left to right, skipping
    each run found, so that nothing counts twice. Both NaN for an empty text.
    """
    top, duplicate = np.zeros((len(TOP_SIZES), block.n_docs), np.int64), np.zeros((len(DUPLICATE_SIZES), block.n_docs), np.int64)
    _count_runs(block.words, POWERS, _new_space(int(np.max(np.diff(block.words.doc_offsets), initial=0))), top, duplicate)
    with np.errstate(invalid="ignore"):
        fractions = {f"top_{n}_gram_char_frac": top[k] / block.n_chars for k, n in enumerate(TOP_SIZES)}
        return fractions | {f"dup_{n}_gram_char_frac": duplicate[k] / block.n_chars for k, n in enumerate(DUPLICATE_SIZES)}


class RunSpace(NamedTuple):
    """Scratch space for the words of one document."""

    runs: np.ndarray
    """(n_words,) uint64: hash of the run that starts at each word."""
    prefixes: np.ndarray
    """(n_words + 1,) uint64: hash of all words before each, and of all, joined by nothing."""
    byte_starts: np.ndarray
    """(n_words + 1,) int64: bytes of all words before each, and of all."""
    char_starts: np.ndarray
    """(n_words + 1,) int64: characters of them."""
    seen: np.ndarray
    """Bits: a run's is set once it was met."""
    again: np.ndarray
    """Bits: a run's is set once it was met twice, or shares its bit with one that was met before."""
    slots: np.ndarray
    """Open-addressing table of runs that may be there twice: first word + 1, 0 if free."""
    counts: np.ndarray
    """(n_words,) int32: by first word of a run, how often it was met."""


def _new_space(n_words: int) -> RunSpace:
    n_bit_words = table_size(n_words * _BITS_PER_RUN // 2) // 64 + 1
    return RunSpace(
        runs=np.empty(n_words, np.uint64),
        prefixes=np.zeros(n_words + 1, np.uint64),
        byte_starts=np.zeros(n_words + 1, np.int64),
        char_starts=np.zeros(n_words + 1, np.int64),
        seen=np.empty(n_bit_words, np.uint64),
        again=np.empty(n_bit_words, np.uint64),
        slots=np.empty(table_size(n_words), np.int32),
        counts=np.empty(n_words, np.int32),
    )


@kernel
def _count_runs(words: Any, powers: Any, space: Any, top: Any, duplicate: Any) -> None:
    for doc in range(len(words.doc_offsets) - 1):
        start, n_words = words.doc_offsets[doc], words.doc_offsets[doc + 1] - words.doc_offsets[doc]
        _load_words(words, start, n_words, powers, space)
        for n in range(2, TOP_SIZES[-1] + 1):
            for word in range(n_words - n + 1):
                space.runs[word] = space.runs[word] * _ROW_BASE + words.hashes[start + word + n - 1]
            top[n - TOP_SIZES[0], doc] = _top_chars(space, n_words - n + 1, n)
        for n in range(DUPLICATE_SIZES[0], DUPLICATE_SIZES[-1] + 1):
            for word in range(n_words - n + 1):
                n_bytes = space.byte_starts[word + n] - space.byte_starts[word]
                space.runs[word] = space.prefixes[word + n] - space.prefixes[word] * power(powers, n_bytes)
            duplicate[n - DUPLICATE_SIZES[0], doc] = _duplicate_chars(space, n_words - n + 1, n)


@kernel
def _load_words(words: Any, start: int, n_words: int, powers: Any, space: Any) -> None:
    for word in range(n_words):
        n_bytes, hashed = words.ends[start + word] - words.starts[start + word], words.hashes[start + word]
        space.runs[word] = hashed
        space.prefixes[word + 1] = space.prefixes[word] * power(powers, n_bytes) + hashed
        space.byte_starts[word + 1] = space.byte_starts[word] + n_bytes
        space.char_starts[word + 1] = space.char_starts[word] + words.n_chars[start + word]


@inlined
def _mark_candidates(space: Any, n_runs: int) -> tuple[Any, int]:
    """Set in `again` the bits of all runs that may be there twice; most are not, and this tells it from a few cached kilobytes.

    Returns a mask from hashes to bits, and one from hashes to slots of a cleared table for those runs.
    """
    n_bits = 64
    while n_bits < _BITS_PER_RUN * n_runs:
        n_bits *= 2
    space.seen[: n_bits // 64] = 0
    space.again[: n_bits // 64] = 0
    bit_mask = np.uint64(n_bits - 1)
    n_again: Any = 0
    for word in range(n_runs):
        place = scatter(space.runs[word]) & bit_mask
        index, bit = place >> np.uint64(6), place & np.uint64(63)
        met = (space.seen[index] >> bit) & _ONE
        space.seen[index] |= _ONE << bit
        space.again[index] |= met << bit
        n_again += np.int64(met)
    n_slots = 16
    while n_slots < 4 * n_again and n_slots < len(space.slots):
        n_slots *= 2
    space.slots[:n_slots] = 0
    return bit_mask, n_slots - 1


@inlined
def _is_candidate(space: Any, bit_mask: Any, word: int) -> bool:
    place = scatter(space.runs[word]) & bit_mask
    return (space.again[place >> np.uint64(6)] >> (place & np.uint64(63))) & _ONE != 0


@inlined
def _find_or_add(space: Any, slot_mask: int, word: int) -> int:
    """First word whose run equals that of `word`: `word` itself if the run is new."""
    slot = np.int64(scatter(space.runs[word]) >> np.uint64(32)) & slot_mask
    while space.slots[slot] != 0:
        if space.runs[space.slots[slot] - 1] == space.runs[word]:
            return space.slots[slot] - 1
        slot = (slot + 1) & slot_mask
    space.slots[slot] = word + 1
    return word


@kernel
def _top_chars(space: Any, n_runs: int, n: int) -> int:
    if n_runs <= 0:
        return 0
    bit_mask, slot_mask = _mark_candidates(space, n_runs)
    best, most = 0, 1
    for word in range(n_runs):
        if not _is_candidate(space, bit_mask, word):
            continue
        first = _find_or_add(space, slot_mask, word)
        count = 1 if first == word else space.counts[first] + 1
        space.counts[first] = count
        if count > most or (count == most and first < best):
            best, most = first, count
    return (space.char_starts[best + n] - space.char_starts[best] + n - 1) * most


@kernel
def _duplicate_chars(space: Any, n_runs: int, n: int) -> int:
    if n_runs <= 0:
        return 0
    bit_mask, slot_mask = _mark_candidates(space, n_runs)
    word = n_chars = 0
    while word < n_runs:
        if not _is_candidate(space, bit_mask, word) or _find_or_add(space, slot_mask, word) == word:
            word += 1
        else:
            n_chars += space.char_starts[word + n] - space.char_starts[word]
            word += n
    return n_chars
