"""Words between white space, as `str.split` gives them; some projects count these."""

from typing import Any

import numpy as np

from curate.kernels.characters import ALPHA, SPACE, SYMBOL, character_table, code_point_at, width_at
from curate.kernels.hashing import hash_bytes
from curate.kernels.kernel import kernel
from curate.words.split import HAS_LETTER, HAS_NON_SYMBOL, Words, new_words


def spaced_words(utf8: np.ndarray, offsets: np.ndarray) -> Words:
    """Words of the documents utf8[offsets[d] : offsets[d + 1]] between white space of any script."""
    n_docs = len(offsets) - 1
    words = new_words(n_docs, (int(offsets[-1] - offsets[0]) + n_docs) // 2 + 1)
    return first_words(words, _split(utf8, offsets, character_table(), words))


def first_words(words: Words, n_words: int) -> Words:
    """The first `n_words` words, with the same documents."""
    return Words(words.doc_offsets, *(column[:n_words] for column in words[1:]))


@kernel
def _split(utf8: Any, offsets: Any, characters: Any, words: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            start, n_chars, kinds, common = i, 0, 0, SYMBOL
            while i < end:
                kind = characters[code_point_at(utf8, i)]
                if kind & SPACE:
                    break
                kinds |= kind
                common &= kind
                n_chars += 1
                i += width_at(utf8, i)
            if n_chars:
                words.starts[n], words.ends[n], words.n_chars[n] = start, i, n_chars
                words.flags[n] = (HAS_LETTER if kinds & ALPHA else 0) | (0 if common & SYMBOL else HAS_NON_SYMBOL)
                words.hashes[n] = hash_bytes(utf8, start, i)
                n += 1
            else:
                i += width_at(utf8, i)
        words.doc_offsets[doc + 1] = n
    return n
