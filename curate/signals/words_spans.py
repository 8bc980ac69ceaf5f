"""Words from spans that somebody else found: the part that all splitters of scripts without spaces share."""

from typing import Any

import numpy as np

from curate.signals.characters import ALPHA, SPACE, SYMBOL, character_table, code_point_at, width_at
from curate.signals.hashing import hash_bytes
from curate.signals.kernel import kernel
from curate.signals.lines import char_before
from curate.signals.split import HAS_LETTER, HAS_NON_SYMBOL, Words, new_words


def words_of_spans(utf8: np.ndarray, doc_offsets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Words:
    """Words of byte spans utf8[starts[w] : ends[w]], white space at their ends taken off and empty ones left out.

    `doc_offsets` (n_docs + 1,) int64 numbers the spans of each document; all arrays int64.
    """
    words = new_words(len(doc_offsets) - 1, len(starts))
    n_words = _fill(utf8, character_table(), doc_offsets, starts, ends, words)
    return Words(words.doc_offsets, *(column[:n_words] for column in words[1:]))


@kernel
def _fill(utf8: Any, characters: Any, doc_offsets: Any, starts: Any, ends: Any, words: Any) -> int:
    n = 0
    for doc in range(len(doc_offsets) - 1):
        words.doc_offsets[doc] = n
        for span in range(doc_offsets[doc], doc_offsets[doc + 1]):
            start, end = starts[span], ends[span]
            while start < end and characters[code_point_at(utf8, start)] & SPACE:
                start += width_at(utf8, start)
            while start < end:
                last = char_before(utf8, start, end)
                if not characters[code_point_at(utf8, last)] & SPACE:
                    break
                end = last
            if start < end:
                _put_span(utf8, characters, words, n, start, end)
                n += 1
    words.doc_offsets[len(doc_offsets) - 1] = n
    return n


@kernel
def _put_span(utf8: Any, characters: Any, words: Any, n: int, start: int, end: int) -> None:
    i, n_chars, kinds, common = start, 0, 0, SYMBOL
    while i < end:
        kind = characters[code_point_at(utf8, i)]
        kinds |= kind
        common &= kind
        i += width_at(utf8, i)
        n_chars += 1
    words.starts[n] = start
    words.ends[n] = end
    words.n_chars[n] = n_chars
    words.flags[n] = (HAS_LETTER if kinds & ALPHA else 0) | (0 if common & SYMBOL else HAS_NON_SYMBOL)
    words.hashes[n] = hash_bytes(utf8, start, end)
