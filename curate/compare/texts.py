"""Final texts of selected documents of a collection, read task by task, for the deciders that need them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from curate.compare.collection import Collection
from curate.dedup.substring import TextChunk
from curate.kernels.buffers import text_buffers

_SHOWN_BYTES = 300


def text_chunks(collection: Collection, wanted: np.ndarray) -> Iterator[TextChunk]:
    """Texts of the documents in `wanted (n_docs,) bool`, in order, one chunk per task that has any."""
    for task in range(collection.n_tasks):
        first, stop = (int(offset) for offset in collection.offsets[task : task + 2])
        mask = wanted[first:stop]
        if mask.any():
            texts = collection.table(task, "documents", ["text"])["text"].filter(pa.array(mask))
            yield TextChunk(first + np.flatnonzero(mask), *text_buffers(texts))


def pieces(collection: Collection, places: Sequence[tuple[int, int, int]]) -> list[str]:
    """The first 300 bytes of each span (document, start, end), in bytes."""
    texts = [""] * len(places)
    wanted = np.zeros(len(collection), bool)
    wanted[[doc for doc, _, _ in places]] = True
    for chunk in text_chunks(collection, wanted):
        row_of = {int(doc): row for row, doc in enumerate(chunk.docs)}
        for number, (doc, start, end) in enumerate(places):
            if doc in row_of:
                base = int(chunk.offsets[row_of[doc]])
                texts[number] = chunk.utf8[base + start : base + min(end, start + _SHOWN_BYTES)].tobytes().decode(errors="ignore")
    return texts
