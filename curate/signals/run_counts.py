"""Occurrences of each run of n words in its document, and the characters of the most frequent and of repeated runs.

Unlike in `repetition`, which follows datatrove, all occurrences of a run count, overlapping ones included, and only characters of words do.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.hashing import scatter, table_size
from curate.kernels.kernel import inlined, kernel
from curate.words.split import Words

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

_ROW_BASE = np.uint64(0xC2B2AE3D27D4EB4F)


class RunShares(NamedTuple):
    """Numbers of characters per document, words joined without spaces."""

    first_top: np.ndarray
    """(3, n_docs) int64: of the most frequent run of 2, 3, 4 words (the first, if several), times its occurrences; 0 without runs."""
    longest_top: np.ndarray
    """(3, n_docs) int64: the same for the longest of the most frequent runs; 0 if none repeats."""
    duplicate_runs: np.ndarray
    """(6, n_docs) int64: of all occurrences of runs of 5 … 10 words that occur at least twice."""
    all_runs: np.ndarray
    """(6, n_docs) int64: of all runs of 5 … 10 words."""
    covered: np.ndarray
    """(6, n_docs) int64: of the words in runs of 5 … 10 words that occur at least twice, each word once."""
    all_words: np.ndarray
    """(n_docs,) int64: of all words."""


class _Space(NamedTuple):
    runs: np.ndarray
    """(n_words,) uint64: hash of the run that starts at each word."""
    firsts: np.ndarray
    """(n_words,) int64: first word of an equal run."""
    counts: np.ndarray
    """(n_words,) int64: occurrences, by first word."""
    slots: np.ndarray
    """Open-addressing table: first word + 1, 0 if free."""
    chars: np.ndarray
    """(n_words + 1,) int64: cumulative characters of the words."""


def run_shares(words: Words) -> RunShares:
    """Count all runs of 2 to 10 words. Runs are compared by a 64-bit hash of their words."""
    n_docs, longest = len(words.doc_offsets) - 1, int(np.max(np.diff(words.doc_offsets), initial=0))
    space = _Space(
        np.empty(longest, np.uint64),
        np.empty(longest, np.int64),
        np.empty(longest, np.int64),
        np.empty(table_size(longest), np.int64),
        np.zeros(longest + 1, np.int64),
    )
    tops, duplicates = (len(TOP_SIZES), n_docs), (len(DUPLICATE_SIZES), n_docs)
    shares = RunShares(*(np.zeros(shape, np.int64) for shape in (tops, tops, duplicates, duplicates, duplicates, n_docs)))
    _count_all(words.doc_offsets, words.hashes, words.n_chars, space, shares)
    return shares


@kernel
def _count_all(doc_offsets: Any, hashes: Any, word_chars: Any, space: Any, shares: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        start, n_words = doc_offsets[doc], doc_offsets[doc + 1] - doc_offsets[doc]
        for word in range(n_words):
            space.runs[word] = hashes[start + word]
            space.chars[word + 1] = space.chars[word] + word_chars[start + word]
        shares.all_words[doc] = space.chars[n_words]
        for n in range(2, DUPLICATE_SIZES[-1] + 1):
            n_runs = n_words - n + 1
            if n_runs <= 0:
                break
            for word in range(n_runs):
                space.runs[word] = space.runs[word] * _ROW_BASE + hashes[start + word + n - 1]
            _count_runs(space, n_runs)
            if n <= TOP_SIZES[-1]:
                _sum_top(space, n_runs, n, shares.first_top, shares.longest_top, n - TOP_SIZES[0], doc)
            else:
                _sum_duplicates(space, n_runs, n, shares, n - DUPLICATE_SIZES[0], doc)


@kernel
def _count_runs(space: Any, n_runs: int) -> None:
    """Fill `firsts` and, for first words, `counts`."""
    n_slots = 16
    while n_slots < 2 * n_runs:
        n_slots *= 2
    space.slots[:n_slots] = 0
    mask = np.uint64(n_slots - 1)
    for word in range(n_runs):
        hashed = space.runs[word]
        slot = np.int64(scatter(hashed) & mask)
        while space.slots[slot] != 0 and space.runs[space.slots[slot] - 1] != hashed:
            slot = (slot + 1) & (n_slots - 1)
        if space.slots[slot] == 0:
            space.slots[slot] = word + 1
            space.counts[word] = 0
        first = space.slots[slot] - 1
        space.firsts[word] = first
        space.counts[first] += 1


@inlined
def _run_chars(space: Any, word: int, n: int) -> int:
    return space.chars[word + n] - space.chars[word]


@kernel
def _sum_top(space: Any, n_runs: int, n: int, first_top: Any, longest_top: Any, row: int, doc: int) -> None:
    best, most = 0, 0
    for word in range(n_runs):
        if space.firsts[word] == word and space.counts[word] > most:
            best, most = word, space.counts[word]
    first_top[row, doc] = most * _run_chars(space, best, n)
    if most > 1:
        for word in range(n_runs):
            if space.firsts[word] == word and space.counts[word] == most:
                longest_top[row, doc] = max(longest_top[row, doc], most * _run_chars(space, word, n))


@kernel
def _sum_duplicates(space: Any, n_runs: int, n: int, shares: Any, row: int, doc: int) -> None:
    covered_to = 0
    for word in range(n_runs):
        n_chars = _run_chars(space, word, n)
        shares.all_runs[row, doc] += n_chars
        if space.counts[space.firsts[word]] > 1:
            shares.duplicate_runs[row, doc] += n_chars
            shares.covered[row, doc] += space.chars[word + n] - space.chars[max(word, covered_to)]
            covered_to = word + n
