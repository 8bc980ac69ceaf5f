"""Sentences by spaCy's rule-based sentencizer: a sentence ends at an end mark and the punctuation that follows it."""

import unicodedata
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from curate.kernels.characters import TABLE_SIZE, code_point_at, width_at
from curate.kernels.kept_arrays import kept_arrays
from curate.kernels.kernel import inlined, kernel, source_digest
from curate.kernels.lines import sum_by_document
from curate.kernels.marks import SPACE_BAR
from curate.signals.block import Block
from curate.words.split import HAS_LETTER

LONG_LINE_CHARS = 200
"""Xue et al. 2021 (mC4, arXiv 2010.11934), section 3.1."""

_PUNCTUATION = 1
_END_MARK = 2


def line_sentences(block: Block) -> dict[str, np.ndarray]:
    r"""C4's number of sentences, as datatrove computes it, for text that C4's line rules left.

    - `n_line_sentences`: sentences of each line, summed over the lines between `\n` that are not empty. Each line gives the sentences of
      `spacy.blank(language)` with the pipe `sentencizer`, so a line without an end mark is a sentence, too.
    """
    n_sentences = np.zeros(block.n_docs, np.int64)
    words, lines = block.words, block.lines
    _count_sentences(block.utf8, words.doc_offsets, words.starts, words.ends, words.flags, lines.doc_offsets, lines.starts, lines.ends, _marks(), n_sentences)
    return {"n_line_sentences": n_sentences}


def long_lines(block: Block) -> dict[str, np.ndarray]:
    r"""The paragraphs that mC4 asks for.

    - `n_long_lines`: lines between `\n` of at least 200 characters (LONG_LINE_CHARS).
    """
    return {"n_long_lines": sum_by_document(block.lines.n_chars >= LONG_LINE_CHARS, block.lines.doc_offsets)}


@cache
def _marks() -> np.ndarray:
    """(TABLE_SIZE,) uint8 flags of every code point: whether it is punctuation, and whether as a token it ends a sentence."""
    return kept_arrays("sentencizer", [version("spacy"), source_digest(__file__)], _make_marks)["marks"]


def _make_marks() -> dict[str, np.ndarray]:
    from spacy.pipeline import Sentencizer

    kinds = np.array([unicodedata.category(chr(code))[0] for code in range(TABLE_SIZE)])
    table = np.where(kinds == "P", _PUNCTUATION, 0).astype(np.uint8)
    table[[ord(mark) for mark in Sentencizer.default_punct_chars]] |= np.uint8(_END_MARK)
    return {"marks": table}


@kernel
def _count_sentences(
    utf8: Any, word_offsets: Any, starts: Any, ends: Any, flags: Any, line_offsets: Any, line_starts: Any, line_ends: Any, marks: Any, n_sentences: Any
) -> None:
    for doc in range(len(n_sentences)):
        word, last_word = word_offsets[doc], word_offsets[doc + 1]
        for line in range(line_offsets[doc], line_offsets[doc + 1]):
            n_sentences[doc] += 1
            place, ended = line_starts[line], False
            while word < last_word and starts[word] < line_ends[line]:
                is_gap = _is_space_token(utf8, place, starts[word], line_starts[line])
                kind = 0 if flags[word] & HAS_LETTER else _mark_of(utf8, starts[word], ends[word], marks)
                n_sentences[doc] += ended and (is_gap or kind == 0)
                ended = kind & _END_MARK != 0 or (ended and not is_gap and kind != 0)
                place = ends[word]
                word += 1
            n_sentences[doc] += ended and _is_space_token(utf8, place, line_ends[line], line_starts[line])


@inlined
def _is_space_token(utf8: Any, start: int, end: int, line_start: int) -> bool:
    """Whether spaCy makes a token of the white space utf8[start:end], which it does except for one space after a word."""
    return end - start > 1 or (end - start == 1 and (utf8[start] != SPACE_BAR or start == line_start))


@inlined
def _mark_of(utf8: Any, start: int, end: int, marks: Any) -> int:
    """_PUNCTUATION if all characters of the word are; _END_MARK if it is one."""
    kind = marks[code_point_at(utf8, start)]
    i = start + width_at(utf8, start)
    if i < end:
        kind &= _PUNCTUATION
    while i < end:
        kind &= marks[code_point_at(utf8, i)]
        i += width_at(utf8, i)
    return kind
