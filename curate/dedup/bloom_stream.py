"""Duplicates in a stream of documents, by the share of word n-grams that occurred earlier, as in DCLM's bff and Dolma's deduper.

A document is judged as a whole or by its parts (lines or paragraphs). Dropped text is not added to the filter, so nothing is dropped in favour
of text that is not kept. Parts are compared with earlier documents only; bff also compares them with earlier parts of the same document.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from curate.dedup.bloom import BloomFilter, add_key, holds_key
from curate.dedup.lines import LineCuts, LineTable, cut_lines
from curate.kernels.bits import bits_of
from curate.kernels.buffers import padded
from curate.kernels.hashing import BASE, hash_span, scatter
from curate.kernels.kernel import kernel
from curate.kernels.lines import lines_of, paragraphs_of
from curate.words.choice import Splitter
from curate.words.simplify import simplify

Scope = Literal["document", "paragraph", "line"]


class Shingles(NamedTuple):
    """N-grams of the parts of documents. The parts of document d are doc_offsets[d]:doc_offsets[d + 1]; the hashes are in the order of parts."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    starts: np.ndarray
    """(n_parts,) int64: start byte within the document."""
    ends: np.ndarray
    """(n_parts,) int64."""
    n_words: np.ndarray
    """(n_parts,) int64: number of words without punctuation."""
    n_shingles: np.ndarray
    """(n_parts,) int64: 0 in parts with fewer words than an n-gram."""
    hashes: np.ndarray
    """(n_shingles.sum(),) uint64."""


def find_shingles(utf8: np.ndarray, offsets: np.ndarray, splitter: Splitter, ngram: int, scope: Scope) -> Shingles:
    """Hashes of all n-grams of words, in lower case without punctuation (`simplify`), of the documents utf8[offsets[d] : offsets[d + 1]]."""
    utf8, offsets = padded(utf8, offsets)
    if scope == "document":
        doc_offsets, starts, ends = np.arange(len(offsets)), offsets[:-1], offsets[1:]
    else:
        spans = (lines_of if scope == "line" else paragraphs_of)(utf8, offsets, bits_of(utf8, int(offsets[-1])))
        doc_offsets, starts, ends = spans.doc_offsets, spans.starts, spans.ends
    simple, simple_offsets = simplify(utf8, np.append(starts, offsets[-1]))
    words = splitter.split(simple, simple_offsets)
    n_words = np.diff(words.doc_offsets)
    n_shingles = np.maximum(n_words - ngram + 1, 0)
    hashes = np.empty(int(n_shingles.sum()), np.uint64)
    _hash_shingles(simple, words.doc_offsets, words.starts, words.ends, np.empty(len(words.starts), np.uint64), ngram, hashes)
    shift = np.repeat(offsets[:-1], np.diff(doc_offsets))
    return Shingles(doc_offsets, starts - shift, ends - shift, n_words, n_shingles, hashes)


class Judged(NamedTuple):
    """A filter's judgement of documents, (n_docs,) each."""

    share: np.ndarray
    """float64: share of n-grams that occurred earlier; 0 without n-grams."""
    cuts: LineCuts
    """Parts to cut, for documents that are kept."""
    stays: np.ndarray
    """bool: the document is kept."""


def judge(shingles: Shingles, passed: np.ndarray, n_bytes: np.ndarray, bloom: BloomFilter, threshold: float, min_words: int, learns: bool) -> Judged:
    """Judge the `passed` documents in order and, if the filter `learns`, add the n-grams of what is kept.

    A document is dropped if at least `threshold` of its n-grams occurred earlier, or if fewer than `min_words` words are left without the
    parts for which that is true. `passed` bool, `n_bytes` int64, (n_docs,).
    """
    n_docs, n_parts = len(passed), len(shingles.starts)
    share, stays, marked = np.zeros(n_docs), np.zeros(n_docs, bool), np.zeros(n_parts, bool)
    _judge(*shingles, passed, bloom.words, bloom.n_hashes, threshold, min_words, learns, share, stays, marked)
    none = np.zeros(n_parts, np.uint64)
    parts = LineTable(shingles.doc_offsets, shingles.starts, shingles.ends, none, shingles.n_words, shingles.n_words)
    return Judged(share, cut_lines(parts, marked, 1, n_bytes), stays)


@kernel
def _hash_shingles(utf8: Any, part_offsets: Any, starts: Any, ends: Any, word_hashes: Any, ngram: int, hashes: Any) -> None:
    drop = np.uint64(1)
    for _ in range(ngram - 1):
        drop *= BASE
    for word in range(len(starts)):
        word_hashes[word] = hash_span(utf8, starts[word], ends[word])
    n = 0
    for part in range(len(part_offsets) - 1):
        rolling = np.uint64(0)
        for word in range(part_offsets[part], part_offsets[part + 1]):
            rolling = rolling * BASE + word_hashes[word]
            oldest = word - ngram + 1
            if oldest >= part_offsets[part]:
                hashes[n] = scatter(rolling)
                n += 1
                rolling -= word_hashes[oldest] * drop


@kernel
def _judge(
    doc_offsets: Any,
    starts: Any,
    ends: Any,
    n_words: Any,
    n_shingles: Any,
    hashes: Any,
    passed: Any,
    bits: Any,
    n_hashes: int,
    threshold: float,
    min_words: int,
    learns: bool,
    share: Any,
    stays: Any,
    marked: Any,
) -> None:
    at = 0
    for doc in range(len(passed)):
        first, n_all, n_known, words_left, any_marked = at, 0, 0, 0, False
        for part in range(doc_offsets[doc], doc_offsets[doc + 1]):
            known = 0
            for i in range(at, at + n_shingles[part] if passed[doc] else at):
                known += holds_key(hashes[i], bits, n_hashes)
            at += n_shingles[part]
            n_all, n_known = n_all + n_shingles[part], n_known + known
            marked[part] = known > 0 and known >= threshold * n_shingles[part]
            any_marked |= marked[part]
            words_left += 0 if marked[part] else n_words[part]
        share[doc] = n_known / n_all if n_all > 0 else 0.0
        is_copy = n_known > 0 and n_known >= threshold * n_all
        stays[doc] = passed[doc] and not is_copy and not (any_marked and words_left < min_words)
        if stays[doc] and learns:
            at = first
            for part in range(doc_offsets[doc], doc_offsets[doc + 1]):
                for i in range(at, at if marked[part] else at + n_shingles[part]):
                    add_key(hashes[i], bits, n_hashes)
                at += n_shingles[part]
