"""Gopher's signals as Dolma reads them: `GopherTagger` in python/dolma/taggers/gopher.py of allenai/dolma (Apache-2.0)."""

from typing import Any

import numpy as np

from curate.kernels.hashing import set_slot
from curate.kernels.kernel import kernel
from curate.kernels.lines import sum_by_document
from curate.kernels.marks import HASH, HYPHEN, STAR
from curate.signals.block import Block
from curate.signals.copies import copies_of
from curate.signals.run_counts import DUPLICATE_SIZES, TOP_SIZES, run_shares
from curate.words.spaced import spaced_words
from curate.words.split import HAS_LETTER, Words

_ELLIPSIS = tuple("…".encode())


def dolma_signals(block: Block) -> dict[str, np.ndarray]:
    """Dolma's signals. Words lie between white space; `…` is the single character, not three dots; lines lie between newlines, empty ones included.

    A ratio with nothing to divide by is NaN where Dolma gives no attribute, else 0.

    - `dolma_n_words`, `dolma_median_word_chars`: number of words, and their median length in characters.
    - `dolma_symbol_word_ratio`: words with `#` or `…`, as a share of all words.
    - `dolma_alpha_word_ratio`: share of words with a letter.
    - `dolma_n_stop_words`: occurrences of stop words, case-sensitive.
    - `dolma_bullet_line_ratio`, `dolma_ellipsis_line_ratio`: share of lines that start with `*` or `-`, that end with `…`.
    - `dolma_dup_line_frac`: share of lines that have an equal line.
    - `dolma_dup_line_char_frac`: their characters, as a share of the characters of words.
    - `dolma_top_{n}_gram_char_frac`, n = 2, 3, 4: the most frequent run of words, the first of equals, times its occurrences, as a share of the characters
      of words.
    - `dolma_dup_{n}_gram_char_frac`, n = 5 … 10: runs that occur twice or more, as a share of the characters of all runs.
    """
    words = spaced_words(block.utf8, block.offsets)
    return _word_signals(block, words) | _line_signals(block, words) | _run_signals(words)


def _word_signals(block: Block, words: Words) -> dict[str, np.ndarray]:
    n_words = np.diff(words.doc_offsets)
    symbols, stop_words = np.zeros(block.n_docs, np.int64), np.zeros(block.n_docs, np.int64)
    _count_words(block.utf8, words.doc_offsets, words.starts, words.ends, words.hashes, block.stop_words, symbols, stop_words)
    return {
        "dolma_n_words": n_words,
        "dolma_median_word_chars": _medians(words),
        "dolma_symbol_word_ratio": symbols / np.maximum(n_words, 1),
        "dolma_alpha_word_ratio": sum_by_document(words.flags & HAS_LETTER, words.doc_offsets) / np.maximum(n_words, 1),
        "dolma_n_stop_words": stop_words,
    }


def _line_signals(block: Block, words: Words) -> dict[str, np.ndarray]:
    bullets, ellipses, newlines = (np.zeros(block.n_docs, np.int64) for _ in range(3))
    _count_lines(block.utf8, block.offsets, bullets, ellipses, newlines)
    # An empty text gets no lines, so that none of it counts as repeated.
    n_lines = np.where(np.diff(block.offsets) > 0, newlines + 1, 0)
    copies = copies_of(block.utf8, block.lines, strip=False)
    n_empty = n_lines - copies.n_spans
    n_copied = copies.n_copied + np.where(n_empty > 1, n_empty, 0)
    n_word_chars = sum_by_document(words.n_chars, words.doc_offsets)
    return {
        "dolma_bullet_line_ratio": bullets / np.maximum(n_lines, 1),
        "dolma_ellipsis_line_ratio": ellipses / np.maximum(n_lines, 1),
        "dolma_dup_line_frac": n_copied / np.maximum(n_lines, 1),
        "dolma_dup_line_char_frac": copies.n_copied_chars / np.maximum(n_word_chars, 1),
    }


def _run_signals(words: Words) -> dict[str, np.ndarray]:
    shares = run_shares(words)
    with np.errstate(invalid="ignore"):
        top = {f"dolma_top_{n}_gram_char_frac": shares.first_top[k] / shares.all_words for k, n in enumerate(TOP_SIZES)}
        return top | {f"dolma_dup_{n}_gram_char_frac": shares.duplicate_runs[k] / shares.all_runs[k] for k, n in enumerate(DUPLICATE_SIZES)}


def _medians(words: Words) -> np.ndarray:
    """Median number of characters per word; the mean of the middle two for an even number; 0 without words."""
    medians = np.zeros(len(words.doc_offsets) - 1)
    _find_medians(words.doc_offsets, words.n_chars, np.zeros(int(np.max(words.n_chars, initial=0)) + 1, np.int64), medians)
    return medians


@kernel
def _find_medians(doc_offsets: Any, n_chars: Any, histogram: Any, medians: Any) -> None:
    for doc in range(len(medians)):
        first, last = doc_offsets[doc], doc_offsets[doc + 1]
        n = last - first
        if n == 0:
            continue
        for word in range(first, last):
            histogram[n_chars[word]] += 1
        below, length, low = 0, -1, -1
        while below <= n // 2:
            length += 1
            below += histogram[length]
            if low < 0 and below > (n - 1) // 2:
                low = length
        medians[doc] = (low + length) / 2
        for word in range(first, last):
            histogram[n_chars[word]] = 0


@kernel
def _count_words(utf8: Any, doc_offsets: Any, starts: Any, ends: Any, hashes: Any, stop_words: Any, n_symbols: Any, n_stop_words: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            n_stop_words[doc] += set_slot(stop_words, hashes[word]) >= 0
            for i in range(starts[word], ends[word]):
                if utf8[i] == HASH or _is_ellipsis(utf8, i, ends[word]):
                    n_symbols[doc] += 1
                    break


@kernel
def _is_ellipsis(utf8: Any, i: int, end: int) -> bool:
    return i + 3 <= end and utf8[i] == _ELLIPSIS[0] and utf8[i + 1] == _ELLIPSIS[1] and utf8[i + 2] == _ELLIPSIS[2]


@kernel
def _count_lines(utf8: Any, offsets: Any, n_bullets: Any, n_ellipses: Any, n_newlines: Any) -> None:
    for doc in range(len(offsets) - 1):
        start, end = offsets[doc], offsets[doc + 1]
        for i in range(start, end + 1):
            if i == end or utf8[i] == 10:
                n_newlines[doc] += i < end
                n_bullets[doc] += start < i and utf8[start] in (STAR, HYPHEN)
                n_ellipses[doc] += i - start >= 3 and _is_ellipsis(utf8, i - 3, i)
                start = i + 1
