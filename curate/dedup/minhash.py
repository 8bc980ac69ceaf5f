"""MinHash signatures with datatrove's definitions (pipeline/dedup/minhash.py), as FineWeb uses them.

A document's shingles are the XXH64 hashes of its word n-grams, joined by one space, of the simplified text. Each of
buckets × hashes permutations h·a + b (modulo 2^64, then modulo 2^61 - 1) gives the signature one value: its smallest over the
shingles. Documents that agree in all hashes of a bucket are candidates; at similarity s the probability is
1 - (1 - s^hashes)^buckets, for 14 × 8 that is 0.50 at s = 0.685 and 0.92 at s = 0.8.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numba import njit

from curate.dedup.xxh64 import xxh64
from curate.kernels.buffers import text_buffers
from curate.words.simplify import simplify

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
        """Number of values in a signature."""
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
    """Anything that splits a buffer of texts into words, e.g. `curate.words.spacy_words.WordSplitter`."""

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words: ...  # noqa: D102


def signatures(texts: pa.Array | pa.ChunkedArray, splitter: Splitter, params: MinHashParams) -> tuple[np.ndarray, np.ndarray]:
    """MinHash signatures of texts: `sig (n_docs, n_permutations) uint64` and `has_signature (n_docs,) bool`.

    A document with fewer than `ngram` words has no signature; its row is all ones. Values are below 2^61 - 1, equal to datatrove's with
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
            # The remainder modulo 2^61 - 1 without division. It fits in int64, which AVX2 can compare; uint64 it cannot.
            reduced = np.int64((value & _PRIME) + (value >> _PRIME_BITS))
            reduced = reduced - _SIGNED_PRIME if reduced >= _SIGNED_PRIME else reduced
            smallest = min(smallest, reduced)
        sig[index] = smallest
