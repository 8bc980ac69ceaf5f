"""Duplicates by a Bloom filter. The result depends on the order of the inputs, but not on the number of workers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from curate.compare.collection import Collection
from curate.dedup.bloom import BloomFilter
from curate.dedup.bloom_stream import Shingles, judge
from curate.dedup.recipe import BloomRecipe, WithWords
from curate.steps.shingles import shingle_batches


def drop_streamed_duplicates(collection: Collection, recipe: WithWords[BloomRecipe]) -> None:
    """Drop documents whose n-grams were seen before, and cut such paragraphs or lines. One pass; only the filter is in memory."""
    words, bloom_recipe = recipe
    bloom = _filter(collection, bloom_recipe, {"ngram": bloom_recipe.ngram, "scope": bloom_recipe.scope, "words": words})
    n_docs = int(collection.passed.sum())
    n_dropped = n_cut = n_parts = n_bytes = 0
    for docs, shingles in _parts(collection):
        passed, sizes = collection.passed[docs], collection.n_bytes[docs]
        judged = judge(shingles, passed, sizes, bloom, bloom_recipe.threshold, bloom_recipe.min_words, not bloom_recipe.read_only)
        is_duplicate = passed & ~judged.stays & (judged.share >= bloom_recipe.threshold)
        is_short = passed & ~judged.stays & ~is_duplicate
        collection.drop(docs[is_duplicate], "bloom", "bloom/duplicate", value=judged.share[is_duplicate], threshold=bloom_recipe.threshold)
        collection.drop(docs[is_short], "bloom", "bloom/too_few_words", value=judged.cuts.words_left[is_short], threshold=bloom_recipe.min_words)
        kept = judged.stays[judged.cuts.docs]
        collection.cut(docs[judged.cuts.docs[kept]], judged.cuts.starts[kept], judged.cuts.ends[kept])
        n_dropped += int(is_duplicate.sum() + is_short.sum())
        n_cut += int(np.count_nonzero(judged.cuts.lines_cut[judged.stays]))
        n_parts += int(judged.cuts.lines_cut[judged.stays].sum())
        n_bytes += int((judged.cuts.ends - judged.cuts.starts)[kept].sum())
    if bloom_recipe.save:
        bloom.save(Path(bloom_recipe.save))
    summary = {"documents": n_docs, "dropped": n_dropped, "cut": n_cut, "pieces": n_parts, "bytes": n_bytes, "filter_bytes": 8 * len(bloom.words)}
    collection.note("bloom", summary | {"hashes": bloom.n_hashes, "fill": bloom.fill, "false_positive": bloom.fill**bloom.n_hashes})


def _filter(collection: Collection, bloom_recipe: BloomRecipe, meaning: dict[str, object]) -> BloomFilter:
    if bloom_recipe.load:
        return BloomFilter.load(Path(bloom_recipe.load), meaning)
    n_keys = bloom_recipe.expected_ngrams
    if n_keys is None:
        n_keys = sum(len(shingles.hashes) for _, shingles in _parts(collection))
    return BloomFilter.sized(max(n_keys, 1), bloom_recipe.false_positive, int(bloom_recipe.max_gib * 2**30), meaning)


def _parts(collection: Collection) -> Iterator[tuple[np.ndarray, Shingles]]:
    """Document indices and shingles, batch by batch."""
    first = 0
    for table in collection.tables("shingles"):
        for shingles in shingle_batches(table):
            yield first + np.arange(len(shingles.doc_offsets) - 1), shingles
            first += len(shingles.doc_offsets) - 1
