"""Looks up every run of words of documents in an index. Hash hits are compared word by word, so there are no false hits."""

from typing import Any, NamedTuple

import numpy as np

from curate.decontaminate.index import FREE_SLOT, GRAM_BASE, Index, gram_key
from curate.decontaminate.words import HashedWords
from curate.kernels.buffers import frozen
from curate.kernels.kernel import inlined, kernel


class Hits(NamedTuple):
    """(n_hits,) each, in order of document and position: `doc` int64, `gram` uint32, `word` int64, the index of the first word in the document."""

    doc: np.ndarray
    gram: np.ndarray
    word: np.ndarray


class Matcher:
    """Finds the n-grams of one index, and whole items shorter than an n-gram, in documents."""

    def __init__(self, index: Index) -> None:
        self._index = Index(*(frozen(np.asarray(array)) for array in index))

    def match(self, words: HashedWords) -> Hits:
        """All hits, including overlapping ones."""
        words = HashedWords(*(frozen(array) for array in words))
        by_length = [self._match(words, int(ngram), int(min_words), kind > 0) for kind, (ngram, min_words) in enumerate(self._index.lengths)]
        if len(by_length) == 1:
            return by_length[0]
        hits = Hits(*(np.concatenate(columns) for columns in zip(*by_length, strict=True)))
        order = np.lexsort((hits.gram, hits.word, hits.doc))
        return Hits(*(column[order] for column in hits))

    def _match(self, words: HashedWords, ngram: int, min_words: int, unspaced_only: bool) -> Hits:
        n_room = 1024
        while True:
            hits = Hits(np.empty(n_room, np.int64), np.empty(n_room, np.uint32), np.empty(n_room, np.int64))
            n = _match(words, self._index, ngram, min_words, unspaced_only, hits)
            if n <= n_room:
                return Hits(*(column[:n] for column in hits))
            n_room = n


@kernel
def _match(words: Any, index: Any, ngram: int, min_words: int, unspaced_only: bool, out: Any) -> Any:
    """Rolls a hash of `ngram` words and one of `min_words` words over each document. Returns the number of hits, which may exceed the room in `out`."""
    n = 0
    has_short = len(index.short) > 1 or index.short[0] != 0
    shift, short_shift = _shift(len(index.sieve)), _shift(len(index.short))
    leaving, leaving_short = _power(ngram), _power(min_words)
    for doc in range(len(words.doc_offsets) - 1):
        first, stop = words.doc_offsets[doc], words.doc_offsets[doc + 1]
        if unspaced_only and not _has_letters(words, first, stop):
            continue
        value, short = np.uint64(0), np.uint64(0)
        for word in range(first, stop):
            entering = words.hashes[word]
            value = value * GRAM_BASE + entering
            if word - first >= ngram:
                value -= words.hashes[word - ngram] * leaving
            if word - first >= ngram - 1:
                n = _note(words, index, doc, word - ngram + 1, ngram, gram_key(value, ngram), shift, first, out, n)
            if has_short:
                short = short * GRAM_BASE + entering
                if word - first >= min_words:
                    short -= words.hashes[word - min_words] * leaving_short
                if word - first >= min_words - 1 and _passes(index.short, short_shift, gram_key(short, min_words)):
                    n = _whole_items(words, index, doc, word - min_words + 1, first, stop, ngram, min_words, shift, out, n)
    return n


@kernel
def _has_letters(words: Any, first: int, stop: int) -> Any:
    """Whether a word may begin with a letter of an alphabet without spaces: U+0800–1FFF."""
    word = first
    while word < stop and not 0xE0 <= words.utf8[words.starts[word]] <= 0xE1:
        word += 1
    return word < stop


@inlined
def _power(n: int) -> Any:
    value = np.uint64(1)
    for _ in range(n):
        value *= GRAM_BASE
    return value


@inlined
def _passes(sieve: Any, shift: Any, key: Any) -> Any:
    """Whether a key's bit is set."""
    bit = key >> shift
    return sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1) != 0


@inlined
def _shift(n_blocks: int) -> Any:
    """Number of lower bits of a key that a sieve of `n_blocks` 64-bit words ignores."""
    shift = 58
    while n_blocks > 1:
        n_blocks >>= 1
        shift -= 1
    return np.uint64(shift)


@kernel
def _whole_items(words: Any, index: Any, doc: int, begin: int, first: int, stop: int, ngram: int, min_words: int, shift: Any, out: Any, n: int) -> Any:
    """Look up whole items of min_words … ngram - 1 words that begin at word `begin`."""
    value = np.uint64(0)
    for word in range(begin, min(stop, begin + ngram - 1)):
        value = value * GRAM_BASE + words.hashes[word]
        n_words = word - begin + 1
        if n_words >= min_words:
            n = _note(words, index, doc, begin, n_words, gram_key(value, n_words), shift, first, out, n)
    return n


@inlined
def _note(words: Any, index: Any, doc: int, begin: int, n_words: int, key: Any, shift: Any, first: int, out: Any, n: int) -> Any:
    if not _passes(index.sieve, shift, key):
        return n
    gram = _find(words, index, begin, n_words, key)
    if gram < 0:
        return n
    if n < len(out.doc):
        out.doc[n], out.gram[n], out.word[n] = doc, gram, begin - first
    return n + 1


@kernel
def _find(words: Any, index: Any, begin: int, n_words: int, key: Any) -> Any:
    """Number of the n-gram with this key and these words, or -1."""
    mask = np.uint64(len(index.slots) - 1)
    slot = key & mask
    while index.slots[slot] != FREE_SLOT:
        gram = np.int64(index.slots[slot])
        if index.keys[gram] == key:
            return gram if index.n_words[gram] == n_words and _same_words(words, index, begin, index.first_word[gram], n_words) else -1
        slot = (slot + np.uint64(1)) & mask
    return -1


@kernel
def _same_words(words: Any, index: Any, mine: int, theirs: int, n_words: int) -> Any:
    for k in range(n_words):
        a, b = words.starts[mine + k], index.starts[theirs + k]
        size = words.ends[mine + k] - a
        if index.ends[theirs + k] - b != size:
            return False
        for i in range(size):
            if words.utf8[a + i] != index.utf8[b + i]:
                return False
    return True
