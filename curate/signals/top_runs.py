"""The most frequent run of two, three and four words of each document.

A run of n words can repeat only if both of its runs of n - 1 words repeat, so few longer runs need checking.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.bytewise import mix
from curate.kernels.kernel import inlined, kernel
from curate.kernels.positions import Positions, clear, new_positions, next_slot, note, place_at, slot_of

TOP_SIZES = (2, 3, 4)


class TopSpace(NamedTuple):
    """Scratch space for the words of one document."""

    table: Positions
    firsts: np.ndarray
    """(2, n_words) int32: by word, the first word with the same run; rows alternate between run lengths."""
    counts: np.ndarray
    """(2, n_words) int32: occurrences of the run, by first word."""
    candidates: np.ndarray
    """(n_words,) int32: words whose run may repeat."""


class _Runs(NamedTuple):
    """Runs of one length: a row of `firsts` and of `counts`."""

    firsts: Any
    counts: Any


def new_top_space(n_words: int) -> TopSpace:
    """Scratch space for documents of up to `n_words` words."""
    return TopSpace(new_positions(n_words), np.empty((2, n_words), np.int32), np.empty((2, n_words), np.int32), np.empty(n_words, np.int32))


@kernel
def count_top_runs(words: Any, space: Any, top: Any) -> None:
    """Fill `top` (3, n_docs) int64: characters of the most frequent run with spaces between its words, times its occurrences."""
    even, odd = _Runs(space.firsts[0], space.counts[0]), _Runs(space.firsts[1], space.counts[1])
    for doc in range(len(words.doc_offsets) - 1):
        start, n_words = words.doc_offsets[doc], words.doc_offsets[doc + 1] - words.doc_offsets[doc]
        if n_words < TOP_SIZES[0]:
            continue
        best, most = _count_pairs(words.hashes, start, n_words - 1, space.table, even)
        top[0, doc] = _chars(words.n_chars, start + best, 2) * most
        if n_words < 3:
            continue
        n_candidates = _list_all(even, space.candidates, n_words - 2)
        best, most = _count_longer(space.table, space.candidates, n_candidates, n_words - 2, even, odd)
        top[1, doc] = _chars(words.n_chars, start + best, 3) * most
        if n_words < 4:
            continue
        n_candidates = _list_among(odd, space.candidates, n_candidates)
        best, most = _count_longer(space.table, space.candidates, n_candidates, n_words - 3, odd, even)
        top[2, doc] = _chars(words.n_chars, start + best, 4) * most


@inlined
def _chars(n_chars: Any, word: int, n: int) -> int:
    total = n - 1
    for k in range(word, word + n):
        total += n_chars[k]
    return total


@kernel
def _count_pairs(hashes: Any, start: int, n_runs: int, table: Any, runs: Any) -> tuple[int, int]:
    """First word of the most frequent pair, and its number of occurrences."""
    clear(table, n_runs, n_runs)
    best, most = 0, 1
    left = hashes[start]
    for word in range(n_runs):
        right = hashes[start + word + 1]
        slot = slot_of(table, mix(left) + right)
        first = place_at(table, slot)
        while first >= 0 and (hashes[start + first] != left or hashes[start + first + 1] != right):
            slot = next_slot(table, slot)
            first = place_at(table, slot)
        left = right
        if first < 0:
            note(table, slot, word)
            runs.firsts[word], runs.counts[word] = word, 1
            continue
        runs.firsts[word] = first
        best, most = _count_again(runs, first, best, most)
    return best, most


@inlined
def _count_again(runs: Any, first: int, best: int, most: int) -> tuple[int, int]:
    count = runs.counts[first] + 1
    runs.counts[first] = count
    return (first, count) if count > most or (count == most and first < best) else (best, most)


@kernel
def _list_all(runs: Any, candidates: Any, n_runs: int) -> int:
    """List the words at which two consecutive repeated runs start. Returns their number."""
    n = 0
    repeats = runs.counts[runs.firsts[0]] > 1
    for word in range(n_runs):
        repeats_next = runs.counts[runs.firsts[word + 1]] > 1
        candidates[n] = word
        n += repeats & repeats_next
        repeats = repeats_next
    return n


@kernel
def _list_among(runs: Any, candidates: Any, n_before: int) -> int:
    """Filter the candidates likewise; no other word has a repeated run."""
    n = 0
    for k in range(n_before - 1):
        word = candidates[k]
        repeats = candidates[k + 1] == word + 1 and runs.counts[runs.firsts[word]] > 1 and runs.counts[runs.firsts[word + 1]] > 1
        candidates[n] = word
        n += repeats
    return n


@kernel
def _count_longer(table: Any, candidates: Any, n_candidates: int, n_runs: int, shorter: Any, runs: Any) -> tuple[int, int]:
    """Like `_count_pairs` for runs one word longer than the `shorter` ones, at the candidates only."""
    clear(table, n_runs, n_candidates)
    best, most = 0, 1
    for k in range(n_candidates):
        word = candidates[k]
        left, right = shorter.firsts[word], shorter.firsts[word + 1]
        slot = slot_of(table, np.uint64(left) << np.uint64(32) | np.uint64(right))
        first = place_at(table, slot)
        while first >= 0 and (shorter.firsts[first] != left or shorter.firsts[first + 1] != right):
            slot = next_slot(table, slot)
            first = place_at(table, slot)
        if first < 0:
            note(table, slot, word)
            runs.firsts[word], runs.counts[word] = word, 1
            continue
        runs.firsts[word] = first
        best, most = _count_again(runs, first, best, most)
    return best, most
