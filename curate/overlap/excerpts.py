"""The stretch of text that an item and a training document share most of, as both have it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curate.decontaminate.index import GRAM_BASE
from curate.decontaminate.words import hashed_words, word_places
from curate.kernels.buffers import frozen, text_buffers

EXCERPT_WORDS = 40
_NGRAM = 5


class _Words(NamedTuple):
    """A text's words: their bytes in the text, and the hash of the n-gram that starts at each."""

    utf8: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    grams: np.ndarray


def excerpts(item: str, document: str) -> tuple[str, str]:
    """About 40 words of the item and of the document: in each, those with most word 5-grams of the other. Without common 5-grams, their beginnings."""
    mine, theirs = _words(item), _words(document)
    return _excerpt(mine, theirs.grams), _excerpt(theirs, mine.grams)


def _words(text: str) -> _Words:
    utf8, offsets = (frozen(array) for array in text_buffers(pa.array([text], pa.large_string())))
    hashes = hashed_words(utf8, offsets).hashes
    starts, ends = word_places(utf8, 0, len(utf8), len(hashes))
    grams = np.zeros(max(len(hashes) - _NGRAM + 1, 0), np.uint64)
    for place in range(_NGRAM):
        grams = grams * GRAM_BASE + hashes[place : place + len(grams)]
    return _Words(utf8, starts, ends, grams)


def _excerpt(words: _Words, others: np.ndarray) -> str:
    n_words = len(words.starts)
    if not n_words:
        return ""
    shared = np.append(0, np.cumsum(np.isin(words.grams, others)))
    span = min(EXCERPT_WORDS, n_words)
    in_window = shared[np.minimum(np.arange(n_words - span + 1) + max(span - _NGRAM + 1, 0), len(words.grams))] - shared[: n_words - span + 1]
    first = int(np.argmax(in_window)) if len(in_window) and len(words.grams) else 0
    text = words.utf8[words.starts[first] : words.ends[first + span - 1]].tobytes().decode(errors="ignore")
    return ("… " if first else "") + " ".join(text.split()) + (" …" if first + span < n_words else "")
