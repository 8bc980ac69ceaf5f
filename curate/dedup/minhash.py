"""MinHash signatures and LSH candidate pairs, with datatrove's definitions (pipeline/dedup/minhash.py), as FineWeb uses them.

A document's shingles are the XXH64 hashes of its word n-grams, joined by one space, of the simplified text. Each of
buckets × hashes permutations h·a + b (modulo 2^64, then modulo 2^61 - 1) gives the signature one value: its smallest over the
shingles. Documents that agree in all hashes of one bucket are candidates: with similarity s they are found with probability
1 - (1 - s^hashes)^buckets, which for 14 × 8 is 0.50 at s = 0.685 and 0.92 at s = 0.8.

Memory: a signature takes 8 bytes × buckets × hashes, 896 by default, so 10 million documents take 9 GB; `candidate_pairs` adds
24 bytes a document and reads one bucket at a time, so that `sig` may be a memory map. Pairs take 16 bytes each.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numba import njit

from curate.dedup.simplify import simplify
from curate.dedup.xxh64 import xxh64
from curate.signals.buffers import text_buffers

MERSENNE_PRIME = (1 << 61) - 1
_PRIME = np.uint64(MERSENNE_PRIME)
_SIGNED_PRIME = np.int64(MERSENNE_PRIME)
_PRIME_BITS = np.uint64(61)


@dataclass(frozen=True)
class MinHashParams:
    """Defaults of datatrove and FineWeb: 5-grams of words, 14 buckets of 8 hashes, permutations of seed 1."""

    ngram: int = 5
    buckets: int = 14
    hashes: int = 8
    seed: int = 1

    @property
    def n_permutations(self) -> int:
        """Values in a signature."""
        return self.buckets * self.hashes

    def permutations(self) -> tuple[np.ndarray, np.ndarray]:
        """Multipliers and summands, (n_permutations,) uint64 each."""
        random = np.random.RandomState(self.seed)
        factors = random.randint(1, MERSENNE_PRIME, self.n_permutations, np.uint64)
        return factors, random.randint(0, MERSENNE_PRIME, self.n_permutations, np.uint64)


class Words(Protocol):
    """Words of a batch: document i has words `doc_offsets[i]:doc_offsets[i + 1]`, word w is bytes `starts[w]:ends[w]`; int64."""

    @property
    def doc_offsets(self) -> np.ndarray: ...  # noqa: D102
    @property
    def starts(self) -> np.ndarray: ...  # noqa: D102
    @property
    def ends(self) -> np.ndarray: ...  # noqa: D102


class Splitter(Protocol):
    """Anything that finds words in a buffer of texts, e.g. `curate.signals.words.WordSplitter`."""

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words: ...  # noqa: D102


def signatures(texts: pa.Array | pa.ChunkedArray, splitter: Splitter, params: MinHashParams) -> tuple[np.ndarray, np.ndarray]:
    """MinHash signatures of texts: `sig (n_docs, n_permutations) uint64` and `has_signature (n_docs,) bool`.

    A document with fewer than `ngram` words has none; its row is all ones. Values are below 2^61 - 1, equal to datatrove's with
    its default 64-bit xxhash.
    """
    utf8, offsets = simplify(*text_buffers(texts))
    words = splitter.split(utf8, offsets)
    sig = np.full((len(offsets) - 1, params.n_permutations), np.iinfo(np.uint64).max, np.uint64)
    _sign_all(utf8, words.doc_offsets, words.starts, words.ends, params.ngram, *params.permutations(), sig)
    return sig, np.diff(words.doc_offsets) >= params.ngram


@njit(cache=True, nogil=True)
def _sign_all(utf8: Any, doc_offsets: Any, starts: Any, ends: Any, ngram: int, factors: Any, summands: Any, sig: Any) -> None:
    for doc in range(len(doc_offsets) - 1):
        first, stop = doc_offsets[doc], doc_offsets[doc + 1]
        if stop - first >= ngram:
            shingles = _shingles(utf8, starts[first:stop], ends[first:stop], ngram)
            _sign(shingles, factors, summands, sig[doc])


@njit(cache=True, nogil=True)
def _shingles(utf8: Any, starts: Any, ends: Any, ngram: int) -> Any:
    """XXH64 of each n-gram of words joined by one space, (n_words - ngram + 1,) uint64."""
    n_words = len(starts)
    joined = np.empty(ends[n_words - 1] - starts[0] + n_words, np.uint8)
    begins = np.empty(n_words + 1, np.int64)
    place = 0
    for word in range(n_words):
        begins[word] = place
        for at in range(starts[word], ends[word]):
            joined[place] = utf8[at]
            place += 1
        joined[place] = 32
        place += 1
    begins[n_words] = place
    shingles = np.empty(n_words - ngram + 1, np.uint64)
    for index in range(len(shingles)):
        shingles[index] = xxh64(joined, begins[index], begins[index + ngram] - 1)
    return shingles


@njit(cache=True, nogil=True)
def _sign(shingles: Any, factors: Any, summands: Any, sig: Any) -> None:
    for index in range(len(factors)):
        factor, summand, smallest = factors[index], summands[index], _SIGNED_PRIME
        for place in range(len(shingles)):
            value = shingles[place] * factor + summand
            # The remainder by 2^61 - 1 without division. It fits in int64, which AVX2 can compare and uint64 it cannot.
            reduced = np.int64((value & _PRIME) + (value >> _PRIME_BITS))
            reduced = reduced - _SIGNED_PRIME if reduced >= _SIGNED_PRIME else reduced
            smallest = min(smallest, reduced)
        sig[index] = smallest


def candidate_pairs(sig: np.ndarray, has_signature: np.ndarray, params: MinHashParams) -> np.ndarray:
    """Pairs of documents that agree in a whole bucket, (n_pairs, 2) int64, each smaller number first, sorted, without repeats.

    In a group of equals each document is paired with the one before it, as datatrove does; that connects the group.
    """
    docs = np.flatnonzero(has_signature)
    found = [np.empty((0, 2), np.int64)]
    for bucket in range(params.buckets):
        keys, order = _sorted_keys(sig, docs, bucket * params.hashes, params.hashes)
        found.append(_equal_neighbours(sig, docs[order], keys, bucket * params.hashes, params.hashes))
    pairs = np.concatenate(found)
    # One integer a pair sorts ten times as fast as rows do; it fits for up to three billion documents.
    return np.stack(np.divmod(np.unique(pairs[:, 0] * len(sig) + pairs[:, 1]), max(len(sig), 1)), axis=1)


def _sorted_keys(sig: np.ndarray, docs: np.ndarray, first: int, n_hashes: int) -> tuple[np.ndarray, np.ndarray]:
    keys = _bucket_keys(sig, docs, first, n_hashes)
    order = np.argsort(keys, kind="stable")
    return keys[order], order


@njit(cache=True, nogil=True)
def _bucket_keys(sig: Any, docs: Any, first: int, n_hashes: int) -> Any:
    keys = np.empty(len(docs), np.uint64)
    for index in range(len(docs)):
        key = np.uint64(0)
        for column in range(first, first + n_hashes):
            key = (key ^ sig[docs[index], column]) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(32)
        keys[index] = key
    return keys


@njit(cache=True, nogil=True)
def _equal_neighbours(sig: Any, docs: Any, keys: Any, first: int, n_hashes: int) -> Any:
    """For each document the last earlier one with the same bucket. Equal keys only suggest it; the hashes themselves decide."""
    pairs = np.empty((len(docs), 2), np.int64)
    n_pairs, stop = 0, first + n_hashes
    for index in range(1, len(docs)):
        earlier = index - 1
        while earlier >= 0 and keys[earlier] == keys[index]:
            if np.array_equal(sig[docs[earlier], first:stop], sig[docs[index], first:stop]):
                pairs[n_pairs, 0], pairs[n_pairs, 1] = docs[earlier], docs[index]
                n_pairs += 1
                break
            earlier -= 1
    return pairs[:n_pairs].copy()


def estimated_jaccard(sig: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Share of equal signature values per pair, (n_pairs,) float64; its standard error is sqrt(j (1 - j) / n_permutations)."""
    return _agreement(sig, pairs) / sig.shape[1]


@njit(cache=True, nogil=True)
def _agreement(sig: Any, pairs: Any) -> Any:
    counts = np.zeros(len(pairs), np.float64)
    for index in range(len(pairs)):
        for column in range(sig.shape[1]):
            counts[index] += sig[pairs[index, 0], column] == sig[pairs[index, 1], column]
    return counts


def verified_pairs(sig: np.ndarray, pairs: np.ndarray, min_jaccard: float) -> np.ndarray:
    """The pairs whose estimated Jaccard similarity is at least `min_jaccard`: fewer chance matches, but also looser clusters."""
    return pairs[estimated_jaccard(sig, pairs) >= min_jaccard]
