"""One pass over UTF-8: documents to chunks to words.

Three lanes, fastest first: letters between spaces, spaCy's rules in a kernel, and the table of chunks that spaCy itself has split.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.signals.characters import ALPHA, SPACE, SYMBOL, code_point_at, width_at
from curate.signals.chunk_rules import split_by_rules
from curate.signals.chunks import add_chunk, find_chunk, may_be_exception
from curate.signals.hashing import BASE, hash_bytes
from curate.signals.kernel import kernel
from curate.signals.spacy_tables import NO_RULES

HAS_LETTER = 1
"""Flag of a word: at least one character is `str.isalpha()`."""
HAS_NON_SYMBOL = 2
"""Flag of a word: at least one character is not in datatrove's punctuation set."""

_PENDING = 128
_NON_ASCII = 0x80
_ONE = np.uint64(1)


class Words(NamedTuple):
    """The words of some documents, in order; word w of document d has doc_offsets[d] ≤ w < doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_words,) int64: first byte."""
    ends: np.ndarray
    """(n_words,) int64: byte after the last."""
    n_chars: np.ndarray
    """(n_words,) int32: code points."""
    flags: np.ndarray
    """(n_words,) uint8: HAS_LETTER, HAS_NON_SYMBOL."""
    hashes: np.ndarray
    """(n_words,) uint64: polynomial hash of the bytes (`hashing`)."""


def new_words(n_docs: int, n_words: int) -> Words:
    """Space for that many."""
    return Words(
        doc_offsets=np.zeros(n_docs + 1, np.int64),
        starts=np.empty(n_words, np.int64),
        ends=np.empty(n_words, np.int64),
        n_chars=np.empty(n_words, np.int32),
        flags=np.empty(n_words, np.uint8),
        hashes=np.empty(n_words, np.uint64),
    )


@kernel
def split_documents(utf8: Any, offsets: Any, characters: Any, tables: Any, known: Any, chunk: Any, words: Any) -> int:
    """Fill `words`, which has room for a word per byte; returns their number.

    A chunk that only spaCy can split is entered in the table `known` without its words and leaves one word that `expand_pending`
    replaces.
    """
    n = 0
    for doc in range(len(offsets) - 1):
        words.doc_offsets[doc] = n
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            if utf8[i] < _NON_ASCII and characters[utf8[i]] & SPACE:
                i += 1
                continue
            start, hashed = i, np.uint64(0)
            while i < end and utf8[i] < _NON_ASCII and characters[utf8[i]] & ALPHA:
                hashed = hashed * BASE + (np.uint64(utf8[i]) + _ONE)
                i += 1
            at_space = i == end or (utf8[i] < _NON_ASCII and characters[utf8[i]] & SPACE)
            if at_space and tables.rules != NO_RULES and not may_be_exception(known, hashed):
                _put(words, n, start, i, i - start, HAS_LETTER | HAS_NON_SYMBOL, hashed)
                n += 1
                continue
            i = _chunk_end(utf8, i, end, characters)
            if i > start:
                n = _split_chunk(utf8, start, i, characters, tables, known, chunk, words, n)
            if i < end:
                i += width_at(utf8, i)
    words.doc_offsets[len(offsets) - 1] = n
    return n


@kernel
def _put(words: Any, n: int, start: int, end: int, n_chars: int, flags: int, hashed: Any) -> None:
    words.starts[n] = start
    words.ends[n] = end
    words.n_chars[n] = n_chars
    words.flags[n] = flags
    words.hashes[n] = hashed


@kernel
def _chunk_end(utf8: Any, i: int, end: int, characters: Any) -> int:
    while i < end and not characters[code_point_at(utf8, i)] & SPACE:
        i += width_at(utf8, i)
    return i


@kernel
def _split_chunk(utf8: Any, start: int, end: int, characters: Any, tables: Any, known: Any, chunk: Any, words: Any, n: int) -> int:
    if tables.rules != NO_RULES:
        found = split_by_rules(tables, known, utf8, start, end, chunk)
        if found > 0:
            first = start
            for k in range(found):
                last = chunk.bytes_at[chunk.ends[k]]
                _put_measured(words, n + k, utf8, first, last, characters)
                first = last
            return n + found
    hashed = hash_bytes(utf8, start, end)
    entry = find_chunk(known, utf8, start, end, hashed)
    if entry < 0:
        entry = add_chunk(known, utf8, start, end, hashed)
    if known.n_cuts[entry] == 0:
        _put(words, n, start, end, entry, _PENDING, hashed)
        return n + 1
    return _put_known(words, n, utf8, start, characters, known, entry)


@kernel
def _put_known(words: Any, n: int, utf8: Any, start: int, characters: Any, known: Any, entry: int) -> int:
    first_cut = known.text_starts[entry]
    first = start
    for k in range(first_cut, first_cut + known.n_cuts[entry]):
        last = start + known.cuts[k]
        _put_measured(words, n, utf8, first, last, characters)
        first = last
        n += 1
    return n


@kernel
def _put_measured(words: Any, n: int, utf8: Any, start: int, end: int, characters: Any) -> None:
    i, n_chars, kinds, plain = start, 0, 0, 0
    while i < end:
        kind = characters[code_point_at(utf8, i)]
        kinds |= kind
        plain |= ~kind
        i += width_at(utf8, i)
        n_chars += 1
    flags = (HAS_LETTER if kinds & ALPHA else 0) | (HAS_NON_SYMBOL if plain & SYMBOL else 0)
    _put(words, n, start, end, n_chars, flags, hash_bytes(utf8, start, end))


@kernel
def expand_pending(utf8: Any, characters: Any, known: Any, words: Any, n_words: int) -> int:
    """Replace, in place and from the back, each pending word by the words its chunk is now known to have. Returns the new number."""
    n_more = 0
    for w in range(n_words):
        if words.flags[w] == _PENDING:
            n_more += known.n_cuts[words.n_chars[w]] - 1
    total, doc, to = n_words + n_more, len(words.doc_offsets) - 1, n_words + n_more
    for w in range(n_words - 1, -1, -1):
        while doc >= 0 and words.doc_offsets[doc] > w:
            words.doc_offsets[doc] = to
            doc -= 1
        if words.flags[w] == _PENDING:
            entry, start = words.n_chars[w], words.starts[w]
            to -= known.n_cuts[entry]
            _put_known(words, to, utf8, start, characters, known, entry)
        else:
            to -= 1
            _put(words, to, words.starts[w], words.ends[w], words.n_chars[w], words.flags[w], words.hashes[w])
    return total
