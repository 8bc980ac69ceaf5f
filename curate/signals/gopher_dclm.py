"""Gopher's signals as DCLM reads them: baselines/mappers/filters/content_filters.py of mlfoundations/dclm (MIT)."""

from typing import Any

import numpy as np

from curate.kernels.characters import character_table, code_point_at, width_at
from curate.kernels.hashing import BASE, set_slot
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import strip_end, strip_start, sum_by_document
from curate.kernels.marks import BULLET, DOT, ELLIPSIS, HASH, HYPHEN, SPACE_BAR, STAR
from curate.signals.block import Block
from curate.signals.copies import copies_of
from curate.signals.run_counts import DUPLICATE_SIZES, TOP_SIZES, run_shares
from curate.words.spaced import spaced_words
from curate.words.split import HAS_LETTER, Words
from curate.words.unicode import alphanumeric_at, unicode_words

_CIRCLE = ord("●")
_FASTTEXT_SPACES = tuple(b" \n\r\t\v\f\0")
_ONE = np.uint64(1)


def dclm_signals(block: Block) -> dict[str, np.ndarray]:
    """DCLM's signals. Lines are stripped and not blank. NaN where there is nothing to divide by.

    - `dclm_n_words`: fastText's words (between ASCII white space) that start with a letter or digit.
    - `dclm_mean_word_chars`: mean length of words between any white space, in characters; the next three count the same words.
    - `dclm_symbol_word_ratio`: occurrences of `#`, `...`, `. . .` and `…` for each word.
    - `dclm_non_alpha_word_ratio`: share of words without a letter.
    - `dclm_n_stop_words`: occurrences of stop words in any case.
    - `dclm_bullet_line_ratio`, `dclm_ellipsis_line_ratio`: share of lines that start with one of `● • * -`, that end with `...`, `. . .` or `…`.
    - `dclm_dup_line_frac`, `dclm_dup_para_frac`: share of lines, of paragraphs, that have an equal one.
    - `dclm_dup_line_char_frac`, `dclm_dup_para_char_frac`: their share of the characters of lines, of paragraphs.
    - `dclm_top_{n}_gram_char_frac`, n = 2, 3, 4: the longest of the most frequent runs of n words times its occurrences, 0 if none occurs twice. Words of runs
      are those of Unicode Annex 29 that start with a letter or digit; shares are of their characters.
    - `dclm_dup_{n}_gram_char_frac`, n = 5 … 10: words in runs that occur twice or more, the same way.
    """
    words = spaced_words(block.utf8, block.offsets)
    return _word_signals(block, words) | _line_signals(block) | _run_signals(unicode_words(block.utf8, block.offsets))


def _word_signals(block: Block, words: Words) -> dict[str, np.ndarray]:
    n_fasttext, n_symbols, n_stop_words = (np.zeros(block.n_docs, np.int64) for _ in range(3))
    _count_fasttext(block.utf8, block.offsets, alphanumeric_at(), n_fasttext)
    _count_symbols(block.utf8, block.offsets, n_symbols)
    _count_stop_words(block.utf8, words.doc_offsets, words.starts, words.ends, block.stop_words, n_stop_words)
    n_words = np.diff(words.doc_offsets)
    n_alpha = sum_by_document(words.flags & HAS_LETTER, words.doc_offsets)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "dclm_n_words": n_fasttext,
            "dclm_mean_word_chars": sum_by_document(words.n_chars, words.doc_offsets) / n_words,
            "dclm_symbol_word_ratio": n_symbols / n_words,
            "dclm_non_alpha_word_ratio": (n_words - n_alpha) / n_words,
            "dclm_n_stop_words": n_stop_words,
        }


def _line_signals(block: Block) -> dict[str, np.ndarray]:
    lines, paragraphs = (copies_of(block.utf8, spans, strip=True) for spans in (block.lines, block.paragraphs))
    n_bullets, n_ellipses = np.zeros(block.n_docs, np.int64), np.zeros(block.n_docs, np.int64)
    _count_list_lines(block.utf8, block.lines.doc_offsets, block.lines.starts, block.lines.ends, character_table(), n_bullets, n_ellipses)
    with np.errstate(invalid="ignore"):
        return {
            "dclm_bullet_line_ratio": n_bullets / lines.n_spans,
            "dclm_ellipsis_line_ratio": n_ellipses / lines.n_spans,
            "dclm_dup_line_frac": lines.n_copied / lines.n_spans,
            "dclm_dup_para_frac": paragraphs.n_copied / paragraphs.n_spans,
            "dclm_dup_line_char_frac": lines.n_copied_chars / lines.n_chars,
            "dclm_dup_para_char_frac": paragraphs.n_copied_chars / paragraphs.n_chars,
        }


def _run_signals(words: Words) -> dict[str, np.ndarray]:
    shares = run_shares(words)
    with np.errstate(invalid="ignore"):
        top = {f"dclm_top_{n}_gram_char_frac": shares.longest_top[k] / shares.all_words for k, n in enumerate(TOP_SIZES)}
        return top | {f"dclm_dup_{n}_gram_char_frac": shares.covered[k] / shares.all_words for k, n in enumerate(DUPLICATE_SIZES)}


@kernel
def _count_fasttext(utf8: Any, offsets: Any, alphanumeric: Any, n_words: Any) -> None:
    for doc in range(len(offsets) - 1):
        starts_word = True
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            is_space = utf8[i] in _FASTTEXT_SPACES
            if starts_word and not is_space:
                code = code_point_at(utf8, i)
                n_words[doc] += alphanumeric[code]
            starts_word = is_space
            i += width_at(utf8, i)


@kernel
def _count_symbols(utf8: Any, offsets: Any, n_symbols: Any) -> None:
    """Number of `#` and of three kinds of ellipses, each counted like `str.count`."""
    for doc in range(len(offsets) - 1):
        end, dots_from, spaced_from = offsets[doc + 1], offsets[doc], offsets[doc]
        for i in range(offsets[doc], end):
            if utf8[i] == HASH or (utf8[i] == 0xE2 and code_point_at(utf8, i) == ELLIPSIS):
                n_symbols[doc] += 1
            elif utf8[i] == DOT:
                if i >= dots_from and _dots_at(utf8, i, end, 1):
                    n_symbols[doc] += 1
                    dots_from = i + 3
                if i >= spaced_from and _dots_at(utf8, i, end, 2):
                    n_symbols[doc] += 1
                    spaced_from = i + 5


@inlined
def _dots_at(utf8: Any, i: int, end: int, step: int) -> bool:
    """Whether three dots start at byte i, separated by spaces if `step` is 2."""
    if i + 2 * step >= end or utf8[i] != DOT or utf8[i + step] != DOT or utf8[i + 2 * step] != DOT:
        return False
    return step == 1 or (utf8[i + 1] == SPACE_BAR and utf8[i + 3] == SPACE_BAR)


@kernel
def _count_stop_words(utf8: Any, doc_offsets: Any, starts: Any, ends: Any, stop_words: Any, n_stop_words: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        for word in range(doc_offsets[doc], doc_offsets[doc + 1]):
            hashed = np.uint64(0)
            for i in range(starts[word], ends[word]):
                byte = utf8[i] | 0x20 if 65 <= utf8[i] <= 90 else utf8[i]
                hashed = hashed * BASE + (np.uint64(byte) + _ONE)
            n_stop_words[doc] += set_slot(stop_words, hashed) >= 0


@kernel
def _count_list_lines(utf8: Any, doc_offsets: Any, starts: Any, ends: Any, characters: Any, n_bullets: Any, n_ellipses: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        for line in range(doc_offsets[doc], doc_offsets[doc + 1]):
            start = strip_start(utf8, starts[line], ends[line], characters)
            end = strip_end(utf8, start, ends[line], characters)
            if start == end:
                continue
            n_bullets[doc] += code_point_at(utf8, start) in (_CIRCLE, BULLET, STAR, HYPHEN)
            is_dots = (end - start >= 3 and _dots_at(utf8, end - 3, end, 1)) or (end - start >= 5 and _dots_at(utf8, end - 5, end, 2))
            n_ellipses[doc] += is_dots or (end - start >= 3 and utf8[end - 3] == 0xE2 and code_point_at(utf8, end - 3) == ELLIPSIS)
