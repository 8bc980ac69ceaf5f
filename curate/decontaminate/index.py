"""The n-grams of all evaluation items as an index: arrays in a folder, memory-mapped, so that workers share them.

Each column of an item is a separate stretch of words; if no column is as long as an n-gram, all columns together are one stretch. An item whose
stretches are all shorter than an n-gram is matched as a whole, if it has at least `min_words` words.

In alphabets without spaces (Thai, Lao, Tibetan, Burmese, Khmer) a word of `curate.decontaminate.words` is one letter; n-grams of a stretch that
consists mostly of such letters are LETTERS_PER_WORD times as long. N-grams of numbers and few other words are left out.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.decontaminate.evals import EvalItem
from curate.decontaminate.words import HashedWords, hashed_words
from curate.errors import CurateError
from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.hashing import scatter
from curate.kernels.kernel import inlined, kernel
from shards.folder import claim
from shards.record import read_record, write_record

GRAM_BASE = np.uint64(0xC2B2AE3D27D4EB4F)
"""Base of the hash of a run of words; any large odd number."""
LETTERS_PER_WORD = 4
"""Thai words have four to five letters; without vowel signs, which simplification removes, about four."""
MIN_DISTINCT_WORDS = 4
"""Minimum of distinct non-number words in an n-gram; at least half of its words must not be numbers. Simplification turns every number into 0, so
`0 0 0 so he paid 0` occurs in every worked sum. An item without such n-grams keeps those with this many distinct words, numbers included."""
_BITS_PER_GRAM = 8
FREE_SLOT = np.uint32(0xFFFFFFFF)
"""Marks a free slot; an index has fewer n-grams than this."""


class Index(NamedTuple):
    """Arrays of distinct n-grams (g), their words (w), and items (i)."""

    keys: np.ndarray
    """(n_g,) uint64 hash of each n-gram, ascending; an n-gram's number is its index here."""
    slots: np.ndarray
    """Open-addressing table of n-gram numbers, uint32; FREE_SLOT for free."""
    sieve: np.ndarray
    """Bit set of the hashes of all n-grams, (n_bits / 64,) uint64; it rules out most runs of words."""
    short: np.ndarray
    """The same for the first `min_words` words of items shorter than an n-gram."""
    lengths: np.ndarray
    """(n_kinds, 2) int64: words of an n-gram and of the shortest item; a second row if there are items in alphabets without spaces."""
    first_word: np.ndarray
    """(n_g,) int64: index of an n-gram's first word among the items' words."""
    n_words: np.ndarray
    """(n_g,) uint16."""
    utf8: np.ndarray
    """Simplified text of the items."""
    starts: np.ndarray
    """(n_w,) int64: first byte of each word in `utf8`."""
    ends: np.ndarray
    item_offsets: np.ndarray
    """(n_g + 1,) int64: the items of an n-gram are items[item_offsets[g] : item_offsets[g + 1]]."""
    items: np.ndarray
    """int32."""
    item_grams: np.ndarray
    """(n_i,) int32: number of distinct n-grams of an item; 0: too short to be found."""
    item_eval: np.ndarray
    """(n_i,) int32: index of the item's evaluation set."""

    def text(self, gram: int) -> str:
        """The words of an n-gram, joined by spaces."""
        words = range(int(self.first_word[gram]), int(self.first_word[gram]) + int(self.n_words[gram]))
        return " ".join(self.utf8[self.starts[word] : self.ends[word]].tobytes().decode() for word in words)


class Names(NamedTuple):
    """Names of the evaluation sets, and the location of each item."""

    evals: list[str]
    places: list[str]


def build_index(evals: Iterable[tuple[str, Iterable[EvalItem]]], ngram: int, min_words: int) -> tuple[Index, Names]:
    """Index the items of named evaluation sets; `min_words`: minimum words of an item shorter than `ngram`."""
    names: list[str] = []
    places: list[str] = []
    item_eval: list[int] = []
    item_texts: list[list[str]] = []
    for name, items in evals:
        for item in items:
            item_texts.append(item.texts)
            places.append(item.place)
            item_eval.append(len(names))
        names.append(name)
    texts, owners = _stretches(item_texts, ngram)
    words = _words(texts)
    grams = _grams(words, owners, ngram, min_words, len(places))
    return _assemble(words, grams, np.array(item_eval, np.int32), ngram, min_words), Names(names, places)


def _words(texts: list[str]) -> HashedWords:
    return hashed_words(*(frozen(array) for array in text_buffers(pa.array(texts, pa.large_string()))))


def _stretches(item_texts: list[list[str]], ngram: int) -> tuple[list[str], np.ndarray]:
    """All stretches, and the index of each one's item, (n,) int64."""
    words = _words([text for texts in item_texts for text in texts])
    is_long = np.diff(words.doc_offsets) >= ngram * _scale(words)
    stretches, owners, at = [], [], 0
    for item, texts in enumerate(item_texts):
        own = texts if is_long[at : at + len(texts)].any() else ["\n".join(texts)]
        at += len(texts)
        stretches += own
        owners += [item] * len(own)
    return stretches, np.array(owners, np.int64)


class _Grams(NamedTuple):
    """Every n-gram of every stretch, including repeats. `scale`: letters per word."""

    first: np.ndarray
    length: np.ndarray
    owner: np.ndarray
    scale: np.ndarray
    key: np.ndarray


def _grams(words: HashedWords, owners: np.ndarray, ngram: int, min_words: int, n_items: int) -> _Grams:
    n_words = np.diff(words.doc_offsets)
    scale = _scale(words)
    whole = np.zeros(n_items, bool)
    np.logical_or.at(whole, owners, n_words >= ngram * scale)
    length = np.where(n_words >= ngram * scale, ngram * scale, np.where(~whole[owners] & (n_words >= min_words * scale), n_words, 0))
    count = np.where(length > 0, n_words - length + 1, 0)
    stretch = np.repeat(np.arange(len(owners)), count)
    first = words.doc_offsets[:-1][stretch] + np.arange(len(stretch)) - np.repeat(np.cumsum(count) - count, count)
    key, worth = np.empty(len(first), np.uint64), np.empty(len(first), np.uint8)
    _hash_grams(words.hashes, _numbers(words), first, length[stretch], key, worth)
    owner, speaks = owners[stretch], np.zeros(n_items, bool)
    speaks[owner[worth == _INFORMATIVE]] = True
    kept = (worth == _INFORMATIVE) | ((worth == _VARIED) & ~speaks[owner])
    return _Grams(*(column[kept] for column in (first, length[stretch], owner, scale[stretch], key)))


def _scale(words: HashedWords) -> np.ndarray:
    """LETTERS_PER_WORD for stretches whose words are mostly letters of an alphabet without spaces, 1 for others, (n,) int64."""
    lead, second = words.utf8[words.starts], words.utf8[np.minimum(words.starts + 1, len(words.utf8) - 1)] if len(words.utf8) else np.zeros(0, np.uint8)
    is_letter = ((lead == 0xE0) & (second >= 0xB8)) | ((lead == 0xE1) & ((second <= 0x82) | (second == 0x9E) | (second == 0x9F)))
    total = np.append(0, np.cumsum(is_letter))
    return np.where(2 * np.diff(total[words.doc_offsets]) > np.diff(words.doc_offsets), LETTERS_PER_WORD, 1)


@inlined
def gram_key(value: Any, n_words: Any) -> Any:
    """The key of a run of words from its hash and length, so that runs of different lengths get different keys."""
    return scatter(value + np.uint64(n_words))


def _numbers(words: HashedWords) -> np.ndarray:
    """Whether each word begins with a number, which simplification turns into 0, (n,) bool."""
    return words.utf8[words.starts] == ord("0")


_VARIED, _INFORMATIVE = 1, 2
"""Worth of an n-gram; 0 for all others."""


@kernel
def _hash_grams(hashes: Any, is_number: Any, first: Any, length: Any, key: Any, worth: Any) -> None:
    """Fill `key` and `worth` of runs of words. _VARIED: at least MIN_DISTINCT_WORDS distinct words (or all distinct). _INFORMATIVE: as many distinct
    words that are not numbers, and at least half of the words are not numbers.
    """
    for g in range(len(first)):
        value, distinct, distinct_words, n_words = np.uint64(0), 0, 0, 0
        for word in range(first[g], first[g] + length[g]):
            value = value * GRAM_BASE + hashes[word]
            n_words += not is_number[word]
            is_new = distinct_words < MIN_DISTINCT_WORDS
            for earlier in range(first[g], word):
                if not is_new:
                    break
                is_new = hashes[earlier] != hashes[word]
            distinct += is_new
            distinct_words += is_new and not is_number[word]
        required = min(MIN_DISTINCT_WORDS, length[g])
        informative = distinct_words >= required and 2 * n_words >= length[g]
        key[g], worth[g] = gram_key(value, length[g]), _INFORMATIVE if informative else _VARIED if distinct >= required else 0


def _assemble(words: HashedWords, grams: _Grams, item_eval: np.ndarray, ngram: int, min_words: int) -> Index:
    order = np.lexsort((grams.owner, grams.key))
    repeats = np.zeros(len(order), bool)
    repeats[1:] = (np.diff(grams.key[order]) == 0) & (np.diff(grams.owner[order]) == 0)
    grams = _Grams(*(column[order[~repeats]] for column in grams))
    keys, gram_first = np.unique(grams.key, return_index=True)
    items = grams.owner.astype(np.int32)
    first, length, scale = grams.first[gram_first], grams.length[gram_first], grams.scale[gram_first]
    scales = np.unique(scale) if len(scale) else np.ones(1, np.int64)
    return Index(
        keys,
        _slots(keys),
        _sieve(keys),
        _sieve(_beginnings(words, first, length, scale, ngram, min_words)),
        np.stack([scales * ngram, scales * min_words], axis=1).astype(np.int64),
        first,
        length.astype(np.uint16),
        words.utf8,
        words.starts,
        words.ends,
        np.append(gram_first, len(items)).astype(np.int64),
        items,
        np.bincount(items, minlength=len(item_eval)).astype(np.int32),
        item_eval,
    )


def _beginnings(words: HashedWords, first: np.ndarray, length: np.ndarray, scale: np.ndarray, ngram: int, min_words: int) -> np.ndarray:
    """Distinct keys of the first `min_words` words of the items matched as a whole."""
    short = length < ngram * scale
    key, worth = np.empty(int(short.sum()), np.uint64), np.empty(int(short.sum()), np.uint8)
    _hash_grams(words.hashes, _numbers(words), first[short], min_words * scale[short], key, worth)
    return np.unique(key)


def _slots(keys: np.ndarray) -> np.ndarray:
    slots = np.full(max(16, 1 << (2 * len(keys)).bit_length()), FREE_SLOT, np.uint32)
    _fill(keys, slots)
    return slots


@kernel
def _fill(keys: Any, slots: Any) -> None:
    mask = np.uint64(len(slots) - 1)
    for g in range(len(keys)):
        slot = keys[g] & mask
        while slots[slot] != FREE_SLOT:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = g


def _sieve(keys: np.ndarray) -> np.ndarray:
    """Bit set over the upper bits of the keys, sparse enough that at most one in eight other keys passes."""
    n_bits = max(64, 1 << (_BITS_PER_GRAM * len(keys)).bit_length())
    bits = keys >> np.uint64(64 - n_bits.bit_length() + 1)
    sieve = np.zeros(n_bits // 64, np.uint64)
    np.bitwise_or.at(sieve, (bits >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bits & np.uint64(63)))
    return sieve


def save_index(folder: Path, index: Index, names: Names) -> None:
    """Write the arrays, then `names.json`: a folder that has it is complete."""
    claim(folder.parent, [f"{folder.name}/{file}" for file in (*(f"{name}.npy" for name in index._fields), "names.json")])
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in index._asdict().items():
        with open(folder / f"{name}.npy", "wb") as file:
            np.save(file, array)
    write_record(folder / "names.json", names._asdict())


def load_index(folder: Path) -> Index:
    """Memory-mapped arrays of an index."""
    return Index(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Index._fields))


def load_names(folder: Path) -> Names:
    """Names of an index. Raises CurateError if they are damaged."""
    return read_record(folder / "names.json", Names, error=CurateError, remedy=f"delete {folder} and rerun")
