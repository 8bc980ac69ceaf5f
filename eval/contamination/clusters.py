"""Which held-out documents are near-duplicates of each other, and so are not independent.

Importing this module raises ModuleNotFoundError without the extra `curate`; import it where clusters are needed.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curate.overlap.near_duplicates import near_duplicate_clusters as clusters_of

MIN_JACCARD = 0.5
"""Smallest Jaccard similarity of the word 5-grams of connected documents: each shares at least two thirds of its text with the other if they are equally
long. Deduplication, which removes documents, asks for more; scores of two documents depend on each other long before one of them is superfluous."""


def near_duplicate_clusters(texts: Sequence[str], *, min_jaccard: float = MIN_JACCARD) -> np.ndarray:
    """Label each document with the smallest index of a document connected to it by near-duplicates, (n_docs,) int64.

    Two documents are connected if the Jaccard similarity of their sets of word 5-grams is at least `min_jaccard`. The 5-grams are those of
    `curate run`'s MinHash; here they are compared exactly.
    """
    return clusters_of(pa.array(texts, pa.large_string()), min_jaccard)
