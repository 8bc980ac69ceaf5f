"""Signals of repeated runs of words: Gopher's (Rae et al. 2021, table A1), as datatrove counts them."""

from typing import Any

import numpy as np

from curate.signals.block import Block
from curate.signals.hashing import POWERS, hash_bytes, power, scatter
from curate.signals.kernel import kernel
from curate.signals.lines import table_size

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)


def top_runs(block: Block) -> dict[str, np.ndarray]:
    """`top_{n}_gram_char_frac`, n = 2, 3, 4: characters of the most frequent run of n words, joined by spaces, times its occurrences
    (overlapping ones too), of all characters of the text. Of equally frequent runs the first counts. 0 for fewer than n words, NaN for
    an empty text.
    """
    words = block.words
    space = np.frombuffer(b" ", np.uint8)
    separator = np.uint64(hash_bytes(space, 0, 1)), POWERS[1]
    slots, counts = _slots(words.doc_offsets), np.empty(len(words.starts), np.int32)
    char_starts, powers, runs = _char_starts(words.n_chars), _powers(block), words.hashes.copy()
    fractions = {}
    for n in range(2, TOP_SIZES[-1] + 1):
        _lengthen(runs, words.hashes, powers, n, *separator)
        n_chars = np.zeros(block.n_docs, np.int64)
        _count_top(words.doc_offsets, runs, char_starts, n, slots, counts, n_chars)
        fractions[f"top_{n}_gram_char_frac"] = _of_text(n_chars, block)
    return fractions


def duplicate_runs(block: Block) -> dict[str, np.ndarray]:
    """`dup_{n}_gram_char_frac`, n = 5 … 10: characters of runs of n words, joined by nothing, that came before, of all characters of
    the text. Goes from left to right and skips each run found, so that none counts twice. NaN for an empty text.
    """
    words = block.words
    nothing = np.uint64(0), POWERS[0]
    slots, char_starts, powers, runs = _slots(words.doc_offsets), _char_starts(words.n_chars), _powers(block), words.hashes.copy()
    fractions = {}
    for n in range(2, DUPLICATE_SIZES[-1] + 1):
        _lengthen(runs, words.hashes, powers, n, *nothing)
        if n not in DUPLICATE_SIZES:
            continue
        n_chars = np.zeros(block.n_docs, np.int64)
        _count_duplicates(words.doc_offsets, runs, char_starts, n, slots, n_chars)
        fractions[f"dup_{n}_gram_char_frac"] = _of_text(n_chars, block)
    return fractions


def _of_text(n_chars: np.ndarray, block: Block) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return n_chars / block.n_chars


def _slots(doc_offsets: np.ndarray) -> np.ndarray:
    return np.zeros(table_size(int(np.max(np.diff(doc_offsets), initial=0))), np.int32)


def _char_starts(n_chars: np.ndarray) -> np.ndarray:
    """Characters of all words before each, and of all, (n_words + 1,) int64."""
    return np.concatenate([[0], np.cumsum(n_chars, dtype=np.int64)])


def _powers(block: Block) -> np.ndarray:
    """What the hash of a text is multiplied with when each word is put behind it, (n_words,) uint64."""
    powers = np.empty(len(block.words.starts), np.uint64)
    _fill_powers(block.words.starts, block.words.ends, POWERS, powers)
    return powers


@kernel
def _fill_powers(starts: Any, ends: Any, table: Any, powers: Any) -> None:
    for word in range(len(starts)):
        powers[word] = power(table, ends[word] - starts[word])


@kernel
def _lengthen(runs: Any, hashes: Any, powers: Any, n: int, separator_hash: Any, separator_power: Any) -> None:
    """From hashes of runs of n - 1 words to those of n words, `runs[w]` starting at word w; runs over the end of a document are unused."""
    for word in range(len(runs) - n + 1):
        last = word + n - 1
        runs[word] = (runs[word] * separator_power + separator_hash) * powers[last] + hashes[last]


@kernel
def _clear(slots: Any, n_keys: int) -> int:
    """Empty as many slots as `n_keys` need; returns their number - 1, which masks a hash to a slot."""
    n_slots = 16
    while n_slots < 2 * n_keys:
        n_slots *= 2
    for slot in range(n_slots):
        slots[slot] = 0
    return n_slots - 1


@kernel
def _find_or_add(slots: Any, mask: int, runs: Any, word: int) -> int:
    """First word whose run equals that of `word`: `word` itself if the run is new. Slots hold words + 1."""
    slot = np.int64(scatter(runs[word])) & mask
    while slots[slot] != 0:
        if runs[slots[slot] - 1] == runs[word]:
            return slots[slot] - 1
        slot = (slot + 1) & mask
    slots[slot] = word + 1
    return word


@kernel
def _count_top(doc_offsets: Any, runs: Any, char_starts: Any, n: int, slots: Any, counts: Any, n_chars: Any) -> None:
    """`counts` holds, by first word of a run, how often it was met."""
    for doc in range(len(doc_offsets) - 1):
        start, end = doc_offsets[doc], doc_offsets[doc + 1] - n + 1
        if end <= start:
            continue
        mask = _clear(slots, end - start)
        best, most = start, 0
        for word in range(start, end):
            first = _find_or_add(slots, mask, runs, word)
            counts[first] = 1 if first == word else counts[first] + 1
            if counts[first] > most or (counts[first] == most and first < best):
                best, most = first, counts[first]
        n_chars[doc] = (char_starts[best + n] - char_starts[best] + n - 1) * most


@kernel
def _count_duplicates(doc_offsets: Any, runs: Any, char_starts: Any, n: int, slots: Any, n_chars: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        word, end = doc_offsets[doc], doc_offsets[doc + 1] - n + 1
        if end <= word:
            continue
        mask = _clear(slots, end - word)
        while word < end:
            if _find_or_add(slots, mask, runs, word) == word:
                word += 1
            else:
                n_chars[doc] += char_starts[word + n] - char_starts[word]
                word += n
