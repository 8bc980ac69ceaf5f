"""What every signal is computed from: some documents, with their words, lines and paragraphs found once."""

from dataclasses import dataclass

import numpy as np

from curate.signals.lines import Spans, chars_of, lines_of, paragraphs_of
from curate.signals.words import Words, WordSplitter


@dataclass(frozen=True)
class Block:
    """Some documents as UTF-8, and what was found in them."""

    utf8: np.ndarray
    """(n_bytes,) uint8, read-only."""
    offsets: np.ndarray
    """(n_docs + 1,) int64: document d is utf8[offsets[d] : offsets[d + 1]]."""
    n_chars: np.ndarray
    """(n_docs,) int64: code points of each document."""
    words: Words
    lines: Spans
    paragraphs: Spans
    stop_words: np.ndarray
    """Hash set of the language's stop words."""

    @property
    def n_docs(self) -> int:
        """Number of documents."""
        return len(self.offsets) - 1


def new_block(utf8: np.ndarray, offsets: np.ndarray, splitter: WordSplitter, stop_words: np.ndarray) -> Block:
    """Find words, lines and paragraphs of the documents; the words are valid until the splitter's next block."""
    return Block(utf8, offsets, chars_of(utf8, offsets), splitter.split_block(utf8, offsets), lines_of(utf8, offsets), paragraphs_of(utf8, offsets), stop_words)
