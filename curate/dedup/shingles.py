"""Shingles of our own MinHash: hashes of word n-grams, from text to numbers in one pass.

Words are runs of letters, marks and digits; everything else separates them. Case and diacritics are ignored (lower case, canonical
decomposition without nonspacing marks), a run of digits is "0", and in scripts without spaces between words (Unicode's line breaking
classes of ideographs and South East Asian scripts) each character is a word. The similarity estimated is therefore the Jaccard similarity of
the sets of word n-grams; for Chinese, Japanese, Thai, Lao, Khmer and Burmese, of character n-grams.

The hash of an n-gram is a polynomial of the hashes of its words (Karp & Rabin 1987), mixed at the end: equal n-grams have equal hashes, and
unequal ones collide like random 32-bit numbers.
"""

import sys
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import regex
from numba import njit

from curate.kernels.kept_arrays import kept_arrays
from curate.kernels.kernel import source_digest
from curate.words.simplify import decode

_N_POINTS = sys.maxunicode + 1
_LAST_POINTS = 0xE01F0  # only private use above
_NO_SPACES = regex.compile(r"[\p{LB=ID}\p{LB=SA}\p{LB=CJ}\p{LB=AK}\p{LB=AS}&&[\p{L}\p{M}\p{N}]]", regex.V1)

# A code point's entry: its kind in the lowest bits, above them the code point that stands for it or its place among `many`.
_BLANK, _REMOVED, _DIGIT, _LETTER, _ALONE, _MANY = range(6)
_KIND_BITS = 3
_KIND_MASK = 7

MAX_NGRAM = 64
"""Upper limit of words in a shingle."""
_WINDOW_MASK = MAX_NGRAM - 1

_WORD_START = np.uint64(0xCBF29CE484222325)  # FNV's offset basis
_WORD_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NGRAM_FACTOR = np.uint64(0xD6E8FEB86659FD93)


class Alphabet(NamedTuple):
    """Role of each code point in a word: `entries (0x110000,) uint32`. Decompositions into several letters are in `many`, last first."""

    entries: np.ndarray
    many: np.ndarray


@lru_cache(maxsize=1)
def alphabet() -> Alphabet:
    """The table from this Python's Unicode data, cached on disk."""
    arrays = kept_arrays("letters", [regex.__version__, source_digest(__file__)], _make_alphabet)
    return Alphabet(arrays["entries"], arrays["many"])


def _make_alphabet() -> dict[str, np.ndarray]:
    points = [point for point in range(_LAST_POINTS) if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs") and point != 10]
    text = "\n".join(map(chr, points))
    removed = dict.fromkeys(point for point in points if unicodedata.category(chr(point)) == "Mn")
    # Letters are lower-cased one by one, so a final sigma is an ordinary one.
    pieces = unicodedata.normalize("NFD", text.lower()).replace("ς", "σ").translate(removed).split("\n")
    alone = set(_NO_SPACES.findall(text))
    entries = np.full(_N_POINTS, _BLANK, np.uint32)
    many: list[int] = []
    for point, piece in zip(points, pieces, strict=True):
        category = unicodedata.category(chr(point))
        if category == "Mn" or (category[0] in "LMN" and not piece):
            entries[point] = _REMOVED
        elif category == "Nd":
            entries[point] = _DIGIT
        elif category[0] in "LMN" and len(piece) == 1:
            entries[point] = ord(piece) << _KIND_BITS | (_ALONE if chr(point) in alone else _LETTER)
        elif category[0] in "LMN":
            entries[point] = len(many) << _KIND_BITS | _MANY
            many += [len(piece), *map(ord, piece)]
    return {"entries": entries, "many": np.array(many, np.uint32)}


def shingles(utf8: np.ndarray, offsets: np.ndarray, ngram: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the word n-grams of texts: `values (n_shingles,) uint32`, document i has `doc_offsets[i]:doc_offsets[i + 1]`.

    `utf8 (n_bytes,) uint8` valid UTF-8, `offsets (n_docs + 1,) int64`. A document with fewer than `ngram` words has none. Values are in text
    order, with repeats; another `seed` gives other hashes.
    """
    letters = alphabet()
    values = np.empty(room(int(offsets[-1] - offsets[0]), len(offsets) - 1), np.uint32)
    doc_offsets = np.zeros(len(offsets), np.int64)
    _shingle_all(utf8, offsets, letters.entries, letters.many, ngram, salt(seed), values, doc_offsets)
    return values[: doc_offsets[-1]].copy(), doc_offsets


def salt(seed: int) -> np.uint64:
    """Offset that makes hashes of different seeds independent."""
    return np.uint64(np.random.RandomState(seed).randint(0, 1 << 63, dtype=np.uint64))


def room(n_bytes: int, n_texts: int = 1) -> int:
    """Upper limit of shingles in texts of `n_bytes` bytes: a word takes a character and a space, or a character of several bytes."""
    return n_bytes // 2 + n_texts


@njit(cache=True, nogil=True)
def _shingle_all(utf8: Any, offsets: Any, entries: Any, many: Any, ngram: int, salted: Any, values: Any, doc_offsets: Any) -> None:
    window = np.zeros(MAX_NGRAM, np.uint64)
    for doc in range(len(offsets) - 1):
        start = doc_offsets[doc]
        n_words = shingle_one(utf8, offsets[doc], offsets[doc + 1], entries, many, ngram, salted, window, values[start:])
        doc_offsets[doc + 1] = start + max(n_words - ngram + 1, 0)


@njit(cache=True, nogil=True)
def shingle_one(utf8: Any, at: Any, stop: Any, entries: Any, many: Any, ngram: int, salted: Any, window: Any, values: Any) -> Any:
    """Write the hashes of the n-grams of `utf8[at:stop]` to the start of `values`; `window (MAX_NGRAM,) uint64` is scratch space.

    Returns the number of words, `ngram - 1` more than the number of n-grams; `ngram` is at most `MAX_NGRAM`.
    """
    window[:] = 0
    n_words, polynomial, leaving = 0, np.uint64(0), _power(ngram)
    word, last = _WORD_START, _BLANK
    while at < stop:
        point, width = np.int64(utf8[at]), 1
        if point >= 0x80:
            point, width = decode(utf8, at)
        at += width
        entry = entries[point]
        kind = entry & _KIND_MASK
        if kind == _LETTER or (kind == _DIGIT and last != _DIGIT):
            word = _take(word, entry)
        elif kind == _MANY:
            word = _take_many(word, many, entry >> _KIND_BITS)
        elif kind in (_BLANK, _ALONE):
            if word != _WORD_START:
                polynomial, n_words = _end_word(word, polynomial, n_words, ngram, leaving, salted, window, values)
                word = _WORD_START
            if kind == _ALONE:
                polynomial, n_words = _end_word(_take(word, entry), polynomial, n_words, ngram, leaving, salted, window, values)
        last = last if kind == _REMOVED else kind
    if word != _WORD_START:
        polynomial, n_words = _end_word(word, polynomial, n_words, ngram, leaving, salted, window, values)
    return n_words


@njit(cache=True, nogil=True, inline="always")
def _end_word(word: Any, polynomial: Any, n_words: Any, ngram: Any, leaving: Any, salted: Any, window: Any, values: Any) -> Any:
    word = mix(word)
    polynomial = polynomial * _NGRAM_FACTOR + word - window[(n_words - ngram) & _WINDOW_MASK] * leaving
    window[n_words & _WINDOW_MASK] = word
    if n_words + 1 >= ngram:
        values[n_words + 1 - ngram] = np.uint32(mix(polynomial ^ salted) >> np.uint64(32))
    return polynomial, n_words + 1


@njit(cache=True, nogil=True)
def _power(ngram: int) -> Any:
    power = np.uint64(1)
    for _ in range(ngram):
        power *= _NGRAM_FACTOR
    return power


@njit(cache=True, nogil=True, inline="always")
def _take(word: Any, entry: Any) -> Any:
    return (word ^ np.uint64(entry)) * _WORD_FACTOR


@njit(cache=True, nogil=True)
def _take_many(word: Any, many: Any, at: Any) -> Any:
    for index in range(at + 1, at + 1 + many[at]):
        word = _take(word, many[index] << _KIND_BITS | _LETTER)
    return word


@njit(cache=True, nogil=True, inline="always")
def mix(value: Any) -> Any:
    """A bijection of uint64 in which every bit of the result depends on every bit of `value` (MurmurHash3's finaliser)."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))
