"""Words from given spans, for all splitters of scripts without spaces."""

from typing import Any

import numpy as np

from curate.kernels.characters import SPACE, character_table, code_point_at, width_at
from curate.kernels.kernel import kernel
from curate.kernels.lines import char_before
from curate.words.split import Words, new_words, put_span


def words_of_spans(utf8: np.ndarray, doc_offsets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Words:
    """Words of byte spans utf8[starts[w] : ends[w]], stripped of white space, empty ones left out.

    The spans of document d are doc_offsets[d]:doc_offsets[d + 1]. All arrays int64; `doc_offsets` (n_docs + 1,).
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
                put_span(words, n, utf8, start, end, characters)
                n += 1
    words.doc_offsets[len(doc_offsets) - 1] = n
    return n
