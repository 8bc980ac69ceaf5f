"""One pass over UTF-8: documents to chunks to words.

Paths, fastest first: letters between spaces; short chunks that were split before; spaCy's rules in a kernel. Languages whose rules the
kernel lacks use the table of chunks split by spaCy itself, except for very long chunks, because spaCy takes quadratic time.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.characters import ALPHA, SPACE, SYMBOL, code_point_at, width_at
from curate.kernels.hashing import BASE, hash_bytes, hash_padded, set_slot
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import char_before
from curate.kernels.marks import DOT, SPACE_BAR
from curate.words.chunk import BYTE, KIND, WORD_END, new_chunk, span_hash
from curate.words.chunk_cache import LONGEST_CACHED, keep, put_cached
from curate.words.chunk_rules import split_by_rules
from curate.words.chunks import find_or_add
from curate.words.emoticons import END, START, join_patterns, new_joins
from curate.words.scan import chunk_end, leading_letters
from curate.words.spacy_tables import LOWER, NO_RULES, SUFFIX, UPPER, meaning_of, pair_key

HAS_LETTER = 1
"""Flag of a word: at least one character is `str.isalpha()`."""
HAS_NON_SYMBOL = 2
"""Flag of a word: at least one character is not in datatrove's punctuation set."""

LONGEST_CHUNK = 1 << 20
"""Upper limit of characters of a chunk; longer ones are split into pieces of this length. Scratch space takes 90 bytes per character."""

LONGEST_ASKED = 512
"""Upper limit of bytes of a chunk passed to spaCy itself; longer ones are split by the rules of `spacy:xx`."""

_PENDING = 128
"""Flag of a word that represents a whole chunk until spaCy has split it; its `n_chars` is the chunk's entry."""

_ONE = np.uint64(1)


class Words(NamedTuple):
    """Words of documents, in order. The words of document d are doc_offsets[d]:doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_words,) int64: start byte."""
    ends: np.ndarray
    """(n_words,) int64: end byte, exclusive."""
    n_chars: np.ndarray
    """(n_words,) int32: number of code points."""
    flags: np.ndarray
    """(n_words,) uint8: HAS_LETTER, HAS_NON_SYMBOL."""
    hashes: np.ndarray
    """(n_words,) uint64: polynomial hash of the bytes (`hashing`)."""


def new_words(n_docs: int, n_words: int) -> Words:
    """Uninitialised arrays for that many documents and words."""
    return Words(
        doc_offsets=np.zeros(n_docs + 1, np.int64),
        starts=np.empty(n_words, np.int64),
        ends=np.empty(n_words, np.int64),
        n_chars=np.empty(n_words, np.int32),
        flags=np.empty(n_words, np.uint8),
        hashes=np.empty(n_words, np.uint64),
    )


class Space(NamedTuple):
    """Scratch space for splitting."""

    chunk: np.ndarray
    """Scratch space of one chunk, see `chunk`."""
    joins: np.ndarray
    """Scratch space of the words of consecutive chunks, see `emoticons`."""


def new_space(n_bytes: int) -> Space:
    """Scratch space for documents of up to `n_bytes` bytes."""
    return Space(new_chunk(min(n_bytes, LONGEST_CHUNK)), new_joins(n_bytes))


@kernel
def split_documents(utf8: Any, offsets: Any, characters: Any, tables: Any, rules: Any, cache: Any, known: Any, space: Any, words: Any) -> int:
    """Fill `words`, which has room for one word per byte; returns their number. `utf8` has PADDING bytes after the last document.

    `tables` are those of the language. `rules` are the same, or those of another language if it has none: then a new chunk is added to the
    table `known` without words, and `expand_pending` replaces the one word written for it.
    """
    n = 0
    for doc in range(len(offsets) - 1):
        words.doc_offsets[doc] = n
        i, end = _skip_space(utf8, offsets[doc], offsets[doc + 1], characters), offsets[doc + 1]
        while i < end:
            start, i = i, min(i + leading_letters(utf8, i), end)
            hashed = hash_padded(utf8, start, i)
            n_plain = _count_plain(utf8, start, i, end, characters, tables, hashed)
            if n_plain > 0:
                _put(words, n, start, i, i - start, HAS_LETTER | HAS_NON_SYMBOL, hashed)
                if n_plain == 2:
                    _put(words, n + 1, i, i + 1, 1, 0, np.uint64(utf8[i]) + _ONE)
                    i += 1
                n += n_plain
            else:
                i = chunk_end(utf8, i, end, characters)
                n_cached = put_cached(cache, utf8, start, i, words, n) if i - start <= LONGEST_CACHED else 0
                if n_cached > 0:
                    n += n_cached
                else:
                    n, i = _split_hard(utf8, offsets[doc], start, i, end, characters, tables, rules, cache, known, space, words, n, words.doc_offsets[doc])
            i = _skip_space(utf8, i, end, characters)
    words.doc_offsets[len(offsets) - 1] = n
    return n


@kernel
def _split_hard(
    utf8: Any,
    first: int,
    start: int,
    i: int,
    end: int,
    characters: Any,
    tables: Any,
    rules: Any,
    cache: Any,
    known: Any,
    space: Any,
    words: Any,
    n: int,
    n_before: int,
) -> tuple[int, int]:
    """Write the words of the chunk utf8[start:i] of the document utf8[first:end], whose words start at index `n_before`.

    Returns the index after them, and the end of their last chunk.
    """
    if tables.rules == NO_RULES and i - start <= LONGEST_ASKED:
        return _put_asked(utf8, start, i, characters, known, words, n), i
    n_words, may_join = _put_ruled(utf8, start, i, characters, rules, space.chunk, words, n)
    if not may_join:
        keep(cache, utf8, start, i, words, n, n_words)
        return n + n_words, i
    left, right = start, i
    if tables.rules != NO_RULES:
        left, right = _join_left(utf8, first, start, characters, tables), _join_right(utf8, i, end, characters, tables)
    joined, n = n, n + n_words
    while joined > n_before and words.starts[joined - 1] >= left:
        joined -= 1
    while i < right:
        start = i + 1
        i = chunk_end(utf8, start, right, characters)
        n += _put_ruled(utf8, start, i, characters, rules, space.chunk, words, n)[0]
    n_words = join_patterns(rules, utf8, words, joined, n, space.joins)
    for word in range(n_words):
        put_span(words, joined + word, utf8, space.joins[START, word], space.joins[END, word], characters)
    return joined + n_words, i


@kernel
def _put_ruled(utf8: Any, start: int, end: int, characters: Any, rules: Any, chunk: Any, words: Any, n: int) -> tuple[int, bool]:
    """Write the words of the chunk utf8[start:end] by rules at index n. Returns their number and whether any spell a pattern."""
    n_words, may_join = 0, False
    while start < end:
        stop = end if end - start <= LONGEST_CHUNK else _leap(utf8, start, end, LONGEST_CHUNK)
        n_split = split_by_rules(rules, characters, utf8, start, stop, chunk)
        may_join |= n_split < 0
        _put_chunk(words, n + n_words, rules, chunk, abs(n_split))
        n_words += abs(n_split)
        start = stop
    return n_words, may_join


@kernel
def _leap(utf8: Any, i: int, end: int, n_chars: int) -> int:
    """The byte `n_chars` characters after byte i, at most `end`."""
    while i < end and n_chars > 0:
        i += width_at(utf8, i)
        n_chars -= 1
    return i


@kernel
def _join_left(utf8: Any, first: int, start: int, characters: Any, tables: Any) -> int:
    """Start of the first chunk whose patterns can extend over single spaces into the chunk at `start`."""
    while start > first + 1 and utf8[start - 1] == SPACE_BAR:
        left = char_before(utf8, first, start - 1)
        if not _is_pattern_pair(utf8, left, start, tables):
            break
        start = left
        while start > first and not characters[code_point_at(utf8, char_before(utf8, first, start))] & SPACE:
            start = char_before(utf8, first, start)
    return start


@kernel
def _join_right(utf8: Any, i: int, end: int, characters: Any, tables: Any) -> int:
    """End of the last chunk into which patterns can extend over single spaces from the chunk that ends at byte i."""
    while i + 1 < end and utf8[i] == SPACE_BAR and _is_pattern_pair(utf8, char_before(utf8, 0, i), i + 1, tables):
        i = chunk_end(utf8, i + 1, end, characters)
    return i


@inlined
def _is_pattern_pair(utf8: Any, left: int, right: int, tables: Any) -> bool:
    return set_slot(tables.pattern_pairs, pair_key(code_point_at(utf8, left), code_point_at(utf8, right))) >= 0


@inlined
def _put(words: Any, n: int, start: int, end: int, n_chars: int, flags: int, hashed: Any) -> None:
    words.starts[n] = start
    words.ends[n] = end
    words.n_chars[n] = n_chars
    words.flags[n] = flags
    words.hashes[n] = hashed


@inlined
def _is_ascii(byte: int, characters: Any, kind: int) -> bool:
    return byte < 0x80 and characters[byte] & kind != 0


@inlined
def _count_plain(utf8: Any, start: int, i: int, end: int, characters: Any, tables: Any, hashed: Any) -> int:
    """1 if the letters start:i are a chunk of one word, 2 if they and a following mark are a chunk of two words, else 0."""
    if tables.rules == NO_RULES or i == start:
        return 0
    if i == end or _is_ascii(utf8[i], characters, SPACE):
        return 0 if meaning_of(tables, hashed) else 1
    mark = utf8[i]
    if mark >= 0x80 or not (i + 1 == end or _is_ascii(utf8[i + 1], characters, SPACE)):
        return 0
    last = tables.classes[utf8[i - 1]]
    after_capitals = i - start > 1 and last & UPPER and tables.classes[utf8[i - 2]] & UPPER
    if not (tables.classes[mark] & SUFFIX or (mark == DOT and (last & LOWER or after_capitals))):
        return 0
    with_mark = hashed * BASE + (np.uint64(mark) + _ONE)
    return 0 if meaning_of(tables, hashed) or meaning_of(tables, with_mark) else 2


@inlined
def _skip_space(utf8: Any, i: int, end: int, characters: Any) -> int:
    while i < end and utf8[i] == SPACE_BAR:
        i += 1
    while i < end and (utf8[i] <= SPACE_BAR or utf8[i] >= 0x80) and characters[code_point_at(utf8, i)] & SPACE:
        i += width_at(utf8, i)
    return i


@inlined
def _put_chunk(words: Any, n: int, tables: Any, chunk: Any, n_words: int) -> None:
    """Write the words found in the chunk at index n."""
    low = 0
    for k in range(n_words):
        high = chunk[WORD_END, k]
        kinds, common = 0, SYMBOL
        for char in range(low, high):
            kinds |= chunk[KIND, char]
            common &= chunk[KIND, char]
        _put(words, n + k, chunk[BYTE, low], chunk[BYTE, high], high - low, _flags(kinds, common), span_hash(tables.powers, chunk, low, high))
        low = high


@kernel
def _put_asked(utf8: Any, start: int, end: int, characters: Any, known: Any, words: Any, n: int) -> int:
    """Write the words that spaCy finds in utf8[start:end], or one pending word if spaCy has not split it yet."""
    hashed = hash_bytes(utf8, start, end)
    entry = find_or_add(known, utf8, start, end, hashed)
    if known.n_words[entry] > 0:
        return _put_known(words, n, utf8, start, characters, known, entry)
    _put(words, n, start, end, entry, _PENDING, hashed)
    return n + 1


@inlined
def _flags(kinds: int, common: int) -> int:
    """Flags of a word from the union and the intersection of its characters' flags."""
    return (HAS_LETTER if kinds & ALPHA else 0) | (0 if common & SYMBOL else HAS_NON_SYMBOL)


@kernel
def _put_known(words: Any, n: int, utf8: Any, start: int, characters: Any, known: Any, entry: int) -> int:
    first = known.text_starts[entry]
    for k in range(first, first + known.n_words[entry]):
        put_span(words, n, utf8, start + known.word_starts[k], start + known.word_ends[k], characters)
        n += 1
    return n


@kernel
def put_span(words: Any, n: int, utf8: Any, start: int, end: int, characters: Any) -> None:
    """Write the word utf8[start:end] at index n."""
    i, n_chars, kinds, common = start, 0, 0, SYMBOL
    while i < end:
        kind = characters[code_point_at(utf8, i)]
        kinds |= kind
        common &= kind
        i += width_at(utf8, i)
        n_chars += 1
    _put(words, n, start, end, n_chars, _flags(kinds, common), hash_bytes(utf8, start, end))


@kernel
def expand_pending(utf8: Any, characters: Any, known: Any, words: Any, n_words: int) -> int:
    """Replace each pending word by the words of its chunk, in place and from the back. Returns the new number of words."""
    total = n_words
    for w in range(n_words):
        if words.flags[w] == _PENDING:
            total += known.n_words[words.n_chars[w]] - 1
    doc, to = len(words.doc_offsets) - 1, total
    for w in range(n_words - 1, -1, -1):
        while doc >= 0 and words.doc_offsets[doc] > w:
            words.doc_offsets[doc] = to
            doc -= 1
        if words.flags[w] == _PENDING:
            entry, start = words.n_chars[w], words.starts[w]
            to -= known.n_words[entry]
            _put_known(words, to, utf8, start, characters, known, entry)
        else:
            to -= 1
            _put(words, to, words.starts[w], words.ends[w], words.n_chars[w], words.flags[w], words.hashes[w])
    return total
