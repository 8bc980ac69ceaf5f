"""The input of every signal: some documents with their words, lines and paragraphs."""

from dataclasses import dataclass

import numpy as np

from curate.kernels.bits import Bits, bits_of
from curate.kernels.buffers import padded
from curate.kernels.hashing import hash_set
from curate.kernels.lines import Spans, chars_of, lines_of, paragraphs_of
from curate.words.choice import Splitter
from curate.words.split import Words, new_words


@dataclass(frozen=True)
class Block:
    """Documents as UTF-8, with their words, lines and paragraphs."""

    utf8: np.ndarray
    """(n_bytes,) uint8, read-only; PADDING bytes follow the last document."""
    offsets: np.ndarray
    """(n_docs + 1,) int64: document d is utf8[offsets[d] : offsets[d + 1]]."""
    bits: Bits
    """Bit masks of bytes of interest in `utf8`."""
    n_chars: np.ndarray
    """(n_docs,) int64: number of code points of each document."""
    words: Words
    lines: Spans
    paragraphs: Spans
    stop_words: np.ndarray
    """Hash set of the language's stop words."""

    @property
    def n_docs(self) -> int:
        """Number of documents."""
        return len(self.offsets) - 1


def new_block(utf8: np.ndarray, offsets: np.ndarray, splitter: Splitter, stop_words: np.ndarray) -> Block:
    """Split documents into words, lines and paragraphs. The words are valid until the splitter's next block."""
    text, offsets = padded(utf8, offsets)
    return _block(text, offsets, bits_of(text, int(offsets[-1])), splitter.split_block(text, offsets), stop_words)


def empty_block() -> Block:
    """A block without documents."""
    text, offsets = padded(np.zeros(0, np.uint8), np.zeros(1, np.int64))
    return _block(text, offsets, bits_of(text, 0), new_words(0, 0), hash_set([]))


def _block(utf8: np.ndarray, offsets: np.ndarray, bits: Bits, words: Words, stop_words: np.ndarray) -> Block:
    return Block(utf8, offsets, bits, chars_of(offsets, bits), words, lines_of(utf8, offsets, bits), paragraphs_of(utf8, offsets, bits), stop_words)
