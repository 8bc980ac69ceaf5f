"""How hard a text is to learn: the measures that worked best as curricula in arXiv 2506.11300 (Zhang et al. 2025).

The other three of its six measures are perplexity (a signal of a language model), tokens, and tokens per word (known to the mix).
"""

import zlib
from itertools import pairwise
from typing import Any

import numpy as np

from curate.kernels.hashing import BASE
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import sum_by_document
from curate.signals.block import Block
from curate.signals.sentences import line_sentences
from curate.words.split import HAS_LETTER

_ZLIB_LEVEL = 6
_ONE = np.uint64(1)
_A, _Z, _CASE = ord("A"), ord("Z"), 32
_DOCUMENT_STEP = np.uint64(0x9E3779B97F4A7C15)  # odd, so that equal words of different documents in a block get different keys, barring chance
_FACTOR_TTR = 0.72
"""McCarthy and Jarvis 2010 (Behavior Research Methods 42): the share at which a factor ends."""


def compressibility(block: Block) -> dict[str, np.ndarray]:
    """How well the text compresses.

    - `compression_ratio`: bytes of the text for each byte that zlib (level 6) makes of it; high for repetitive text. NaN for an empty text.
    """
    text, ends = memoryview(block.utf8.data), block.offsets.tolist()
    packed = [len(zlib.compress(text[start:end], _ZLIB_LEVEL)) for start, end in pairwise(ends)]
    n_bytes = np.diff(block.offsets)
    return {"compression_ratio": np.where(n_bytes > 0, n_bytes / np.maximum(np.array(packed, np.int64), 1), np.nan)}


def lexical_diversity(block: Block) -> dict[str, np.ndarray]:
    """How varied the words are (MTLD, McCarthy and Jarvis 2010). ASCII letters count as lower case; words without a letter do not count.

    - `mtld`: mean length, in words, of the stretches in which the share of distinct words falls to 0.72; the mean of reading forwards and backwards. The
      rest after the last stretch counts in proportion to how far its share has fallen. A text without a repeated word has its number of words. NaN without
      words.
    """
    chosen = np.flatnonzero(block.words.flags & HAS_LETTER)
    doc_offsets = np.searchsorted(chosen, block.words.doc_offsets)
    before, after = _neighbours(_lower_hashes_of(block, chosen), np.diff(doc_offsets))
    mtld = np.empty(block.n_docs)
    _mtld(doc_offsets, before, after, mtld)
    return {"mtld": mtld}


def readability(block: Block) -> dict[str, np.ndarray]:
    """How easy English text is to read (Flesch 1948).

    - `flesch_reading_ease`: 206.835 - 1.015 · words/sentences - 84.6 · syllables/words; high is easy. Sentences are those of `n_line_sentences`. Syllables are
      groups of `aeiouy` without a silent e at the end, at least one for each word. NaN without words.
    """
    chosen = np.flatnonzero(block.words.flags & HAS_LETTER)
    syllables = np.empty(len(chosen), np.int64)
    _count_syllables(block.utf8, block.words.starts[chosen], block.words.ends[chosen], syllables)
    doc_offsets = np.searchsorted(chosen, block.words.doc_offsets)
    n_words, n_sentences = np.diff(doc_offsets), np.maximum(line_sentences(block)["n_line_sentences"], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"flesch_reading_ease": 206.835 - 1.015 * n_words / n_sentences - 84.6 * sum_by_document(syllables, doc_offsets) / n_words}


def _lower_hashes_of(block: Block, chosen: np.ndarray) -> np.ndarray:
    hashes = np.empty(len(chosen), np.uint64)
    _lower_hashes(block.utf8, block.words.starts[chosen], block.words.ends[chosen], hashes)
    return hashes


def _neighbours(hashes: np.ndarray, n_words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 each: index of the previous and the next occurrence of each word in its document; -1 and n if none."""
    n = len(hashes)
    keys = hashes + np.repeat(np.arange(len(n_words)).astype(np.uint64) * _DOCUMENT_STEP, n_words)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.flatnonzero(ordered[1:] == ordered[:-1])
    before, after = np.full(n, -1, np.int64), np.full(n, n, np.int64)
    before[order[first + 1]] = order[first]
    after[order[first]] = order[first + 1]
    return before, after


@kernel
def _mtld(doc_offsets: Any, before: Any, after: Any, mtld: Any) -> None:
    for doc in range(len(mtld)):
        first, last = doc_offsets[doc], doc_offsets[doc + 1]
        n_words = last - first
        forwards, backwards = 0.0, 0.0
        start, types = first, 0
        for word in range(first, last):
            types += before[word] < start
            if types / (word + 1 - start) <= _FACTOR_TTR:
                forwards += 1
                start, types = word + 1, 0
        if start < last:
            forwards += (1 - types / (last - start)) / (1 - _FACTOR_TTR)
        start, types = last - 1, 0
        for word in range(last - 1, first - 1, -1):
            types += after[word] > start
            if types / (start + 1 - word) <= _FACTOR_TTR:
                backwards += 1
                start, types = word - 1, 0
        if start >= first:
            backwards += (1 - types / (start + 1 - first)) / (1 - _FACTOR_TTR)
        mtld[doc] = (_words_per(n_words, forwards) + _words_per(n_words, backwards)) / 2


@inlined
def _words_per(n_words: Any, factors: Any) -> float:
    if n_words == 0:
        return np.nan
    return n_words / factors if factors > 0 else float(n_words)


@kernel
def _lower_hashes(utf8: Any, starts: Any, ends: Any, hashes: Any) -> None:
    for word in range(len(hashes)):
        value = np.uint64(0)
        for place in range(starts[word], ends[word]):
            value = value * BASE + np.uint64(_lower(utf8[place])) + _ONE
        hashes[word] = value


@inlined
def _lower(byte: Any) -> int:
    return byte + _CASE if _A <= byte <= _Z else byte


@kernel
def _count_syllables(utf8: Any, starts: Any, ends: Any, syllables: Any) -> None:
    for word in range(len(syllables)):
        n, in_vowels = 0, False
        for place in range(starts[word], ends[word]):
            vowel = _is_vowel(_lower(utf8[place]))
            n += vowel and not in_vowels
            in_vowels = vowel
        syllables[word] = max(n - _ends_silently(utf8, starts[word], ends[word]), 1)


@inlined
def _is_vowel(byte: Any) -> bool:
    return byte == 97 or byte == 101 or byte == 105 or byte == 111 or byte == 117 or byte == 121


@inlined
def _ends_silently(utf8: Any, start: Any, end: Any) -> bool:
    """Whether the word ends with a silent e that is a group of its own, as in `make` but not `table`."""
    if end - start < 3 or _lower(utf8[end - 1]) != ord("e") or _is_vowel(_lower(utf8[end - 2])):
        return False
    return not (_lower(utf8[end - 2]) == ord("l") and not _is_vowel(_lower(utf8[end - 3])))
