"""Words as spaCy's blank tokenizers give them: `[token.text.strip() for token in spacy.blank("en")(text)]` without empty ones.

spaCy splits the text between two spaces almost independently of the rest. A kernel applies its default rules without calling spaCy,
including the step that merges emoticons and contractions over spaces (`x:) )`, `said.'' ''Then`). Languages with punctuation rules of their
own are split chunk by chunk without that step: spaCy splits each distinct chunk of up to LONGEST_ASKED bytes once; the default rules split
longer ones.
"""

from functools import cache
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.kernels.buffers import padded
from curate.kernels.characters import character_table
from curate.words.chunk_cache import empty_cache
from curate.words.chunks import N_ENTRIES, N_TEXT_BYTES, chunk_text, empty_table, has_room, set_words
from curate.words.spacy_import import import_spacy
from curate.words.spacy_tables import NO_RULES, SpacyTables, spacy_tables, word_spans
from curate.words.split import Words, expand_pending, new_space, new_words, split_documents

BLOCK_BYTES = 1 << 18
"""Bytes of text split at a time; small enough for the words to stay in the processor's cache."""

DEFAULT = "spacy:xx"
"""The splitter whose rules fit all languages."""


class WordSplitter:
    """Splits UTF-8 text into the words of one language's tokenizer; it remembers chunks, which never changes a result.

    `name` is `spacy:` and a language code, as in `spacy.blank(code)`; `spacy:xx` is for languages without rules of their own.
    Raises CurateError for an unknown name, and for languages that spaCy segments with other packages (ja, ko, th, vi, zh).
    """

    def __init__(self, name: str = "spacy:en"):
        self.name = name
        self._tables = _tables(_checked(name))
        self._asks_spacy = self._tables.rules == NO_RULES
        self._rules = _tables(DEFAULT) if self._asks_spacy else self._tables
        self._cache = empty_cache()
        self._known = empty_table() if self._asks_spacy else empty_table(1, 1)
        self._words = new_words(0, 0)

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        shift, pieces = 0, []
        for first, last in blocks_of(offsets, BLOCK_BYTES):
            doc_offsets, starts, ends, *columns = self.split_block(*padded(utf8, offsets[first : last + 1]))
            pieces.append([doc_offsets[:-1] + shift, starts + offsets[first], ends + offsets[first], *(column.copy() for column in columns)])
            shift += len(starts)
        if not pieces:
            return new_words(0, 0)
        doc_offsets, *columns = (np.concatenate(column) for column in zip(*pieces, strict=True))
        return Words(np.append(doc_offsets, shift), *columns)

    def split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Like `split` for padded text (`buffers.padded`) of some hundred kilobytes; the next call overwrites what this one returned.

        Reuse of memory matters: fresh pages cost several times the splitting itself.
        """
        n_bytes = int(offsets[-1] - offsets[0])
        if self._asks_spacy and not has_room(self._known, n_bytes):
            self._known = empty_table(max(N_ENTRIES, n_bytes + 1), max(N_TEXT_BYTES, 2 * n_bytes))
        if n_bytes > len(self._words.starts) or len(offsets) > len(self._words.doc_offsets):
            self._words = new_words(max(len(offsets), len(self._words.doc_offsets)), max(n_bytes, BLOCK_BYTES))
        words = self._words._replace(doc_offsets=self._words.doc_offsets[: len(offsets)])
        space = new_space(int(np.max(np.diff(offsets), initial=1)))
        first_new = int(self._known.used[0])
        n_words = split_documents(utf8, offsets, character_table(), self._tables, self._rules, self._cache, self._known, space, words)
        if self._known.used[0] > first_new:
            self._ask_spacy(first_new)
            n_words = expand_pending(utf8, character_table(), self._known, words, n_words)
        return Words(words.doc_offsets, *(column[:n_words] for column in words[1:]))

    def _ask_spacy(self, first_entry: int) -> None:
        for entry in range(first_entry, int(self._known.used[0])):
            set_words(self._known, entry, word_spans(_tokenizer(self.name), chunk_text(self._known, entry)))


def blocks_of(offsets: np.ndarray, n_bytes: int) -> list[tuple[int, int]]:
    """Blocks of consecutive documents first:last of at most `n_bytes`; a larger document has a block of its own."""
    blocks, first, n_docs = [], 0, len(offsets) - 1
    while first < n_docs:
        last = int(np.searchsorted(offsets, offsets[first] + n_bytes, side="right")) - 1
        last = max(last, first + 1)
        blocks.append((first, last))
        first = last
    return blocks


def _checked(name: str) -> str:
    """Check the form of a splitter's name. Raises CurateError."""
    kind, _, language = name.partition(":")
    if kind != "spacy" or not language.isalnum():
        raise CurateError(f"word splitter {name!r}: expected spacy:LANGUAGE, as in spacy:en or spacy:de; spacy:xx serves any language with spaces")
    return name


@cache
def _tables(name: str) -> SpacyTables:
    return spacy_tables(name, lambda: _tokenizer(name))


@cache
def _tokenizer(name: str) -> Any:
    """The blank spaCy tokenizer for a splitter's name."""
    spacy = import_spacy()
    from spacy.tokenizer import Tokenizer

    try:
        tokenizer = spacy.blank(name.partition(":")[2]).tokenizer
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise CurateError(f"word splitter {name!r}: spaCy cannot split this language here ({reason}); use spacy:xx") from None
    if not isinstance(tokenizer, Tokenizer):
        raise CurateError(f"word splitter {name!r}: spaCy segments this language without spaces, chunk by chunk does not work; use spacy:xx")
    return tokenizer
