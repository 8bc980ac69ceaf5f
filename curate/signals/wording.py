"""Signals of words: number, length, letters, stop words."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from curate.kernels.hashing import hash_set, set_slot, text_hash
from curate.kernels.kernel import kernel
from curate.signals.block import Block
from curate.words.split import HAS_LETTER, HAS_NON_SYMBOL


def word_shapes(block: Block) -> dict[str, np.ndarray]:
    """Gopher's signals of words. Means and ratios are NaN for a text without words.

    - `n_words`: number of words.
    - `n_non_symbol_words`: words with a character other than punctuation.
    - `mean_word_chars`: mean length of those, in characters.
    - `alpha_word_ratio`: share of all words with a letter.
    - `n_stop_words`: distinct stop words that occur, case-sensitive.
    """
    words = block.words
    n_filled, n_chars, n_alpha, n_stop = (np.zeros(block.n_docs, np.int64) for _ in range(4))
    seen = np.full(len(block.stop_words), -1, np.int64)
    _count_words(words.doc_offsets, words.flags, words.n_chars, words.hashes, block.stop_words, seen, n_filled, n_chars, n_alpha, n_stop)
    n_words = np.diff(words.doc_offsets)
    with np.errstate(invalid="ignore"):
        return {
            "n_words": n_words,
            "n_non_symbol_words": n_filled,
            "mean_word_chars": n_chars / n_filled,
            "alpha_word_ratio": n_alpha / n_words,
            "n_stop_words": n_stop,
        }


def stop_word_signal(column: str, words: Iterable[str]) -> Callable[[Block], dict[str, np.ndarray]]:
    """A signal `column`: how many of `words` occur in a document, case-sensitive; (n_docs,) int64."""
    chosen = hash_set([text_hash(word) for word in words])

    def counted(block: Block) -> dict[str, np.ndarray]:
        n_found, seen = (np.zeros(block.n_docs, np.int64), np.full(len(chosen), -1, np.int64))
        _count_stop_words(block.words.doc_offsets, block.words.hashes, chosen, seen, n_found)
        return {column: n_found}

    return counted


@kernel
def _count_stop_words(doc_offsets: Any, hashes: Any, stop_words: Any, seen: Any, n_found: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            slot = set_slot(stop_words, hashes[word])
            if slot >= 0 and seen[slot] != doc:
                seen[slot] = doc
                n_found[doc] += 1


@kernel
def _count_words(
    doc_offsets: Any, flags: Any, word_chars: Any, hashes: Any, stop_words: Any, seen: Any, n_filled: Any, n_chars: Any, n_alpha: Any, n_stop: Any
) -> None:
    """Count distinct stop words per document. `seen`: by slot of a stop word, the last document that has it."""
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            filled = (flags[word] & HAS_NON_SYMBOL) >> 1
            n_filled[doc] += filled
            n_chars[doc] += word_chars[word] * filled
            n_alpha[doc] += flags[word] & HAS_LETTER
            slot = set_slot(stop_words, hashes[word])
            if slot >= 0 and seen[slot] != doc:
                seen[slot] = doc
                n_stop[doc] += 1
