"""Repeated substrings are cut from documents; documents with too few words left are dropped."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curate.compare.collection import Collection
from curate.compare.texts import pieces, text_chunks
from curate.dedup.boundaries import shrink
from curate.dedup.recipe import SubstringRecipe, WithWords
from curate.dedup.substring import AnchorChunk, Ranges, merged, repeated_substrings
from curate.kernels.buffers import text_buffers
from curate.kernels.hashing import hash_span
from curate.kernels.kernel import kernel
from curate.rewrite.cuts import cut_texts
from curate.words.choice import load_splitter

N_SHOWN = 30
"""Number of substrings that the report shows, most frequent first."""


def cut_repeated_substrings(collection: Collection, recipe: WithWords[SubstringRecipe]) -> None:
    """Cut repeated substrings, and drop documents with too few words left. After a drop, substrings are searched again without those documents."""
    words, substring = recipe
    n_docs = int(collection.passed.sum())
    ranges = _find(collection, substring)
    short, words_left = _short(collection, ranges, words, substring.min_words)
    collection.drop(short, "substring", "substring/too_few_words", value=words_left, threshold=substring.min_words)
    if len(short):
        ranges = _find(collection, substring)
    collection.cut(*ranges)
    summary = {
        "documents": n_docs,
        "dropped": len(short),
        "cut": len(np.unique(ranges.docs)),
        "pieces": len(ranges.docs),
        "bytes": int((ranges.ends - ranges.starts).sum()),
    }
    collection.note("substring", summary | {"top_removed": _most_frequent(collection, ranges)})


def _find(collection: Collection, substring: SubstringRecipe) -> Ranges:
    """Repeated substrings of the documents not dropped so far, shrunk to the recipe's boundaries."""

    def anchors() -> Iterator[AnchorChunk]:
        for first, table in zip(collection.offsets, collection.tables("anchors"), strict=False):
            column = table["hashes"].combine_chunks()
            column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            offsets = np.asarray(column.offsets).astype(np.int64)
            yield AnchorChunk(first + np.arange(len(column)), offsets - offsets[0], np.asarray(column.flatten()))

    memory_bytes = int(substring.memory_gib * (1 << 30))
    repeated = repeated_substrings(
        lambda mask: text_chunks(collection, mask), anchors, collection.passed, collection.n_bytes, substring.min_bytes, substring.keep, memory_bytes
    )
    shrunk = []
    for docs, utf8, offsets in text_chunks(collection, _mask(collection, repeated.docs)):
        here = Ranges(*(column[np.searchsorted(repeated.docs, docs[0]) : np.searchsorted(repeated.docs, docs[-1], side="right")] for column in repeated))
        shrunk.append(shrink(here, np.searchsorted(docs, here.docs), utf8, offsets, substring.boundary))
    return merged(shrunk)


def _mask(collection: Collection, docs: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(collection), bool)
    mask[docs] = True
    return mask


def _short(collection: Collection, ranges: Ranges, words: str, min_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents with too few words left after all cuts, those of other deciders included, and those numbers of words."""
    splitter = load_splitter(words)
    cuts = np.concatenate([collection.cuts, np.stack(ranges, axis=1)])
    cuts = cuts[np.lexsort((cuts[:, 1], cuts[:, 0]))]
    short, n_words = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for docs, utf8, offsets in text_chunks(collection, _mask(collection, ranges.docs)):
        texts = pa.LargeStringArray.from_buffers(len(docs), pa.py_buffer(offsets), pa.py_buffer(utf8))
        here = cuts[np.isin(cuts[:, 0], docs)]
        here[:, 0] = np.searchsorted(docs, here[:, 0])
        left = np.diff(splitter.split(*text_buffers(cut_texts(texts, here))).doc_offsets)
        short.append(docs[left < min_words])
        n_words.append(left[left < min_words])
    return np.concatenate(short), np.concatenate(n_words)


def _most_frequent(collection: Collection, ranges: Ranges) -> list[dict[str, Any]]:
    """The substrings cut most often."""
    keys = np.empty(len(ranges.docs), np.uint64)
    place = 0
    for docs, utf8, offsets in text_chunks(collection, _mask(collection, ranges.docs)):
        stop = int(np.searchsorted(ranges.docs, docs[-1], side="right"))
        bases = offsets[np.searchsorted(docs, ranges.docs[place:stop])]
        _hash_all(utf8, bases + ranges.starts[place:stop], bases + ranges.ends[place:stop], keys[place:stop])
        place = stop
    _, firsts, counts = np.unique(keys, return_index=True, return_counts=True)
    top = np.lexsort((firsts, -counts))[:N_SHOWN]
    places = [(int(ranges.docs[r]), int(ranges.starts[r]), int(ranges.ends[r])) for r in firsts[top]]
    lengths = (ranges.ends - ranges.starts)[firsts[top]].tolist()
    texts = pieces(collection, places)
    return [{"count": int(count), "bytes": n, "text": text} for count, n, text in zip(counts[top], lengths, texts, strict=True)]


@kernel
def _hash_all(utf8: Any, starts: Any, ends: Any, keys: Any) -> None:
    for r in range(len(starts)):
        keys[r] = hash_span(utf8, starts[r], ends[r])
