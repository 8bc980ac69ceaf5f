"""Words as spaCy's blank tokenizers give them: `[token.text.strip() for token in spacy.blank("en")(text)]` without empty ones.

spaCy splits what lies between two spaces independently of the rest, so that each distinct chunk needs splitting once; and most
shapes of chunks are decided by its default rules in a kernel, without asking spaCy. One exception is known: marks that would make an
emoticon or a contraction together with the next chunk (`x:) )`) are joined or not by spaCy depending on that chunk; here they never are.
"""

from functools import cache
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.signals.characters import character_table
from curate.signals.chunk_rules import new_chunk
from curate.signals.chunks import N_ENTRIES, N_TEXT_BYTES, ChunkTable, add_exceptions, chunk_text, empty_table, has_room, set_cuts
from curate.signals.spacy_tables import spacy_tables
from curate.signals.split import Words, expand_pending, new_words, split_documents

BLOCK_BYTES = 1 << 18
"""Text split in one go: small enough that its words stay in the processor's cache."""


class WordSplitter:
    """Splits UTF-8 text into the words of one language's tokenizer; keeps what it learned about chunks, which never changes a result.

    `name` is `spacy:` and a language code, as in `spacy.blank(code)`; `spacy:xx` serves languages without rules of their own.
    Raises CurateError for an unknown name, and for languages that spaCy segments with other packages (ja, ko, th, vi, zh).
    """

    def __init__(self, name: str = "spacy:en"):
        self.name = name
        self._tokenizer = _tokenizer(name)
        self._tables = spacy_tables(self._tokenizer)
        self._exceptions = [(text.encode(), self._ends(text)) for text in sorted(self._tokenizer.rules) if text.strip()]
        self._chunk = new_chunk()
        self._known = self._fresh_table()

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        utf8, offsets = frozen(utf8), frozen(offsets)
        blocks = [self._split_block(utf8, offsets[first : last + 1]) for first, last in blocks_of(offsets, BLOCK_BYTES)]
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return new_words(0, 0)
        shifts = np.cumsum([0] + [len(block.starts) for block in blocks])
        doc_offsets = [block.doc_offsets[:-1] + shift for block, shift in zip(blocks, shifts, strict=False)]
        columns = [np.concatenate(column) for column in list(zip(*blocks, strict=True))[1:]]
        return Words(np.append(np.concatenate(doc_offsets), shifts[-1]), *columns)

    def _split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        n_bytes = int(offsets[-1] - offsets[0])
        if not has_room(self._known, n_bytes):
            self._known = self._fresh_table(n_bytes)
        words = new_words(len(offsets) - 1, n_bytes)
        first_new = int(self._known.used[0])
        n_words = split_documents(utf8, offsets, character_table(), self._tables, self._known, self._chunk, words)
        if self._known.used[0] > first_new:
            self._ask_spacy(first_new)
            n_words = expand_pending(utf8, character_table(), self._known, words, n_words)
        return Words(words.doc_offsets, *(column[:n_words] for column in words[1:]))

    def _fresh_table(self, n_bytes: int = 0) -> ChunkTable:
        n_own = len(self._exceptions)
        n_own_bytes = sum(len(chunk) for chunk, _ in self._exceptions)
        table = empty_table(max(N_ENTRIES, n_own + n_bytes // 2 + 1), max(N_TEXT_BYTES, n_own_bytes + n_bytes))
        add_exceptions(table, self._exceptions)
        return table

    def _ask_spacy(self, first_entry: int) -> None:
        for entry in range(first_entry, int(self._known.used[0])):
            set_cuts(self._known, entry, self._ends(chunk_text(self._known, entry)))

    def _ends(self, chunk: str) -> list[int]:
        """Byte after each of spaCy's tokens of a chunk."""
        doc = self._tokenizer(chunk)
        if chunk.isascii():
            return [token.idx + len(token) for token in doc]
        return [len(chunk[: token.idx + len(token)].encode()) for token in doc]


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only view: kernels are compiled once, for the read-only buffers of Arrow."""
    view = array.view()
    view.flags.writeable = False
    return view


def blocks_of(offsets: np.ndarray, n_bytes: int) -> list[tuple[int, int]]:
    """Consecutive documents first:last in blocks of at most `n_bytes`, a larger document alone in its own."""
    blocks, first, n_docs = [], 0, len(offsets) - 1
    while first < n_docs:
        last = int(np.searchsorted(offsets, offsets[first] + n_bytes, side="right")) - 1
        last = max(last, first + 1)
        blocks.append((first, last))
        first = last
    return blocks


@cache
def _tokenizer(name: str) -> Any:
    """The blank spaCy tokenizer of a splitter's name."""
    import spacy
    from spacy.tokenizer import Tokenizer

    kind, _, language = name.partition(":")
    if kind != "spacy" or not language:
        raise CurateError(f"word splitter {name!r}: expected spacy:LANGUAGE, as in spacy:en or spacy:de; spacy:xx serves any language with spaces")
    try:
        tokenizer = spacy.blank(language).tokenizer
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise CurateError(f"word splitter {name!r}: spaCy cannot split this language here ({reason}); use spacy:xx") from None
    if not isinstance(tokenizer, Tokenizer):
        raise CurateError(f"word splitter {name!r}: spaCy segments this language without spaces, chunk by chunk does not work; use spacy:xx")
    return tokenizer
