"""Clusters of documents that share most of their text."""

import numpy as np
import pyarrow as pa

from curate.dedup.clusters import components
from curate.kernels.buffers import text_buffers
from curate.overlap.shared_shingles import SharedShingles
from curate.overlap.shingle_index import shingle_index


def near_duplicate_clusters(texts: pa.Array, min_jaccard: float) -> np.ndarray:
    """Label each text with the smallest index of a text connected to it, (n_texts,) int64.

    Two texts are connected if the Jaccard similarity of their shingles is at least `min_jaccard`. Texts of fewer than five words are connected only
    if they are equal.
    """
    index = shingle_index([[text] for text in texts.to_pylist()])
    pairs = SharedShingles(index).pairs(*text_buffers(texts), min_jaccard)
    near = pairs.jaccard >= min_jaccard
    first: dict[str, int] = {}
    equal = [(first.setdefault(text, number), number) for number, text in enumerate(texts.to_pylist())]
    return components(len(texts), np.concatenate([np.array(equal, np.int64).reshape(-1, 2), np.column_stack([pairs.doc[near], pairs.item[near]])]))
