"""Copies by a Bloom filter, in the order of the inputs: the result does not depend on workers, but on that order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from curate.compare.collection import Collection
from curate.dedup.bloom import BloomFilter
from curate.dedup.bloom_stream import Shingles, judge
from curate.dedup.recipe import BloomRecipe, WithWords
from curate.steps.shingles import shingle_batches


def drop_streamed_copies(collection: Collection, recipe: WithWords[BloomRecipe]) -> None:
    """Drop documents and cut parts; one pass over the n-grams, with the filter alone in memory."""
    words, asked = recipe
    bloom = _filter(collection, asked, {"ngram": asked.ngram, "scope": asked.scope, "words": words})
    n_docs = int(collection.passed.sum())
    n_dropped = n_cut = n_parts = n_bytes = 0
    for docs, shingles in _parts(collection):
        passed, sizes = collection.passed[docs], collection.n_bytes[docs]
        judged = judge(shingles, passed, sizes, bloom, asked.threshold, asked.min_words, not asked.read_only)
        is_copy = passed & ~judged.stays & (judged.share >= asked.threshold)
        is_short = passed & ~judged.stays & ~is_copy
        collection.drop(docs[is_copy], "bloom", "bloom/duplicate", value=judged.share[is_copy], threshold=asked.threshold)
        collection.drop(docs[is_short], "bloom", "bloom/too_few_words", value=judged.cuts.words_left[is_short], threshold=asked.min_words)
        some = judged.stays[judged.cuts.docs]
        collection.cut(docs[judged.cuts.docs[some]], judged.cuts.starts[some], judged.cuts.ends[some])
        n_dropped += int(is_copy.sum() + is_short.sum())
        n_cut += int(np.count_nonzero(judged.cuts.lines_cut[judged.stays]))
        n_parts += int(judged.cuts.lines_cut[judged.stays].sum())
        n_bytes += int((judged.cuts.ends - judged.cuts.starts)[some].sum())
    if asked.save:
        bloom.save(Path(asked.save))
    summary = {"documents": n_docs, "dropped": n_dropped, "cut": n_cut, "pieces": n_parts, "bytes": n_bytes, "filter_bytes": 8 * len(bloom.words)}
    collection.note("bloom", summary | {"hashes": bloom.n_hashes, "fill": bloom.fill, "false_positive": bloom.fill**bloom.n_hashes})


def _filter(collection: Collection, asked: BloomRecipe, meaning: dict[str, object]) -> BloomFilter:
    if asked.load:
        return BloomFilter.load(Path(asked.load), meaning)
    n_keys = asked.expected_ngrams
    if n_keys is None:
        n_keys = sum(len(shingles.hashes) for _, shingles in _parts(collection))
    return BloomFilter.sized(max(n_keys, 1), asked.false_positive, int(asked.max_gib * 2**30), meaning)


def _parts(collection: Collection) -> Iterator[tuple[np.ndarray, Shingles]]:
    """Documents' numbers and shingles, batch by batch."""
    first = 0
    for table in collection.tables("shingles"):
        for shingles in shingle_batches(table):
            yield first + np.arange(len(shingles.doc_offsets) - 1), shingles
            first += len(shingles.doc_offsets) - 1
