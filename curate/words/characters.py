"""Characters as words, for scripts written without spaces that no library splits.

In such scripts each character is a word, together with its marks. In other scripts, each run of letters, digits and marks is a word, and so
is each other character that is not white space.
"""

from functools import cache
from typing import Any

import numpy as np
import regex

from curate.kernels.characters import TABLE_SIZE, code_point_at, width_at
from curate.kernels.kernel import kernel
from curate.words.spans import words_of_spans
from curate.words.split import Words

ALONE, JOINS, MARK = 1, 2, 3
"""Kinds of characters: a word of its own, part of a run, attached to the previous character."""

_UNSPACED = "Han Hiragana Katakana Bopomofo Thai Lao Khmer Myanmar Tibetan Javanese Balinese Tai_Tham Tai_Le New_Tai_Lue Tai_Viet Yi"


class CharacterSplitter:
    """A `Splitter` that makes each character a word."""

    name = "characters"

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        starts = np.empty(int(offsets[-1] - offsets[0]), np.int64)
        ends = np.empty_like(starts)
        doc_offsets = np.zeros(len(offsets), np.int64)
        n = _spans(utf8, offsets, _kinds(), doc_offsets, starts, ends)
        return words_of_spans(utf8, doc_offsets, starts[:n], ends[:n])

    def split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Same as `split`."""
        return self.split(utf8, offsets)


@cache
def _kinds() -> np.ndarray:
    """Kind of every code point, (TABLE_SIZE,) uint8; 0 for separators and lone symbols."""
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, TABLE_SIZE)]))
    kinds = np.zeros(TABLE_SIZE, np.uint8)
    scripts = "".join(rf"\p{{Script={script}}}" for script in _UNSPACED.split())
    for pattern, kind in ((r"[\p{L}\p{N}]", JOINS), (rf"[{scripts}--\p{{P}}--\p{{N}}]", ALONE), (r"\p{M}", MARK)):
        kinds[[ord(character) for character in regex.findall(pattern, text, regex.VERSION1)]] = kind
    return kinds


@kernel
def _spans(utf8: Any, offsets: Any, kinds: Any, doc_offsets: Any, starts: Any, ends: Any) -> int:
    """Fill the spans of words, including white space. Returns their number."""
    n = 0
    for doc in range(len(offsets) - 1):
        doc_offsets[doc] = n
        i, before = offsets[doc], 0
        while i < offsets[doc + 1]:
            kind = kinds[code_point_at(utf8, i)]
            end = i + width_at(utf8, i)
            if (kind == MARK and before != 0) or (kind == JOINS and before == JOINS):
                ends[n - 1] = end
                kind = before
            else:
                starts[n], ends[n] = i, end
                n += 1
            i, before = end, kind
    doc_offsets[len(offsets) - 1] = n
    return n
