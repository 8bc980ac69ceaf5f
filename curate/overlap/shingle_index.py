"""Which items hold which shingles: an inverted index, in arrays that kernels read and processes can share as files.

Shingles are those of MinHash in deduplication (`curate.dedup.shingles`): hashes of five consecutive words, without case, accents and punctuation.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from curate.dedup.shingles import mix, shingles
from curate.kernels.buffers import text_buffers

NGRAM = 5
"""Words in a shingle, as MinHash in deduplication has by default."""
_BITS_PER_KEY = 16
_FREE = np.int32(-1)


class ShingleIndex(NamedTuple):
    """Distinct shingles (k) of items (i). An item's postings are (shingle, item) pairs."""

    keys: np.ndarray
    """(n_k,) uint32, ascending; a shingle's number is its index here."""
    slots: np.ndarray
    """Open-addressing table of shingle numbers, (n_slots,) int32, a power of two; -1 is free."""
    sieve: np.ndarray
    """Bit set of the shingles, (n_bits / 64,) uint64; it rules out most other shingles."""
    offsets: np.ndarray
    """(n_k + 1,) int64: the items of shingle k are items[offsets[k] : offsets[k + 1]]."""
    items: np.ndarray
    """int32, ascending for each shingle."""
    counts: np.ndarray
    """Whether a posting counts for containment, (n_postings,) bool; false for templates."""
    sizes: np.ndarray
    """(n_i,) int64: distinct shingles of an item."""
    counted_sizes: np.ndarray
    """(n_i,) int64: those of them that count for containment."""


def shingle_index(items: Sequence[Sequence[str]], groups: np.ndarray | None = None, template_items: np.ndarray | None = None) -> ShingleIndex:
    """Index of items, each one or more texts. No shingle runs from one text into the next, unless all texts of an item have fewer than five words.

    A shingle that more than `template_items[g] (n_groups,)` items of group g have is a template of that group (instructions, examples, boilerplate);
    `groups (n_items,) int64`. None: there are no templates.
    """
    n_items, numbers = len(items), np.repeat(np.arange(len(items)), [len(texts) for texts in items])
    values, lengths = _shingles([text for texts in items for text in texts])
    owners = np.repeat(numbers, lengths)
    without = np.flatnonzero(np.bincount(owners, minlength=n_items) == 0)
    joined, lengths = _shingles(["\n".join(items[number]) for number in without.tolist()])
    values, owners = np.append(values, joined), np.append(owners, np.repeat(without, lengths))
    pairs = np.unique(values.astype(np.uint64) << np.uint64(32) | owners.astype(np.uint64))
    hashes, postings = (pairs >> np.uint64(32)).astype(np.uint32), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int32)
    keys, first = np.unique(hashes, return_index=True)
    edges = np.append(first, len(hashes)).astype(np.int64)
    counts = np.ones(len(postings), bool)
    if groups is not None and template_items is not None:
        counts = ~is_template(np.repeat(np.arange(len(keys)), np.diff(edges)), groups[postings], template_items)
    sizes = np.bincount(postings, minlength=n_items).astype(np.int64)
    return ShingleIndex(keys, _slots(keys), _sieve(keys), edges, postings, counts, sizes, np.bincount(postings[counts], minlength=n_items).astype(np.int64))


def _shingles(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Shingles of all texts, (n,) uint32, and how many each has, (n_texts,) int64."""
    values, offsets = shingles(*text_buffers(pa.array(texts, pa.large_string())), NGRAM)
    return values, np.diff(offsets)


def is_template(grams: np.ndarray, groups: np.ndarray, template_items: np.ndarray) -> np.ndarray:
    """Whether more than `template_items[g]` postings have the same n-gram and group g; `grams`, `groups`, result (n_postings,)."""
    n_groups = len(template_items)
    pairs, place, count = np.unique(grams.astype(np.int64) * n_groups + groups, return_inverse=True, return_counts=True)
    return np.asarray(count > template_items[pairs % n_groups])[place]


def _slots(keys: np.ndarray) -> np.ndarray:
    slots = np.full(max(16, 1 << (2 * len(keys)).bit_length()), _FREE, np.int32)
    _fill(keys, slots)
    return slots


@njit(cache=True, nogil=True)
def _fill(keys: Any, slots: Any) -> None:
    mask = np.uint64(len(slots) - 1)
    for number in range(len(keys)):
        slot = mix(np.uint64(keys[number])) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number


def _sieve(keys: np.ndarray) -> np.ndarray:
    n_bits = min(1 << 32, max(64, 1 << (_BITS_PER_KEY * len(keys)).bit_length()))
    bits = keys.astype(np.uint64) & np.uint64(n_bits - 1)
    sieve = np.zeros(n_bits // 64, np.uint64)
    np.bitwise_or.at(sieve, (bits >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bits & np.uint64(63)))
    return sieve


@njit(cache=True, nogil=True, inline="always")
def shingle_number(keys: Any, slots: Any, sieve: Any, value: Any) -> Any:
    """Number of a shingle (uint32), or -1."""
    key = np.uint64(value)
    bit = key & np.uint64(64 * len(sieve) - 1)
    if sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1) == np.uint64(0):
        return np.int64(-1)
    mask = np.uint64(len(slots) - 1)
    slot = mix(key) & mask
    while slots[slot] >= 0:
        if keys[slots[slot]] == value:
            return np.int64(slots[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)
