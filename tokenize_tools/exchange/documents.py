"""The documents of a tokens set as numpy arrays over Arrow's buffers. The writers of all formats read them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError

CHUNK_BYTES = 1 << 26
"""Upper limit of the bytes of ids in a file of LitData or MDS, which address bytes by uint32 (4 GiB): their default of 64 MB. A longer document
gets a file of its own."""


class Documents(NamedTuple):
    """Consecutive documents. Document `i` is `values[offsets[i]:offsets[i + 1]]`."""

    values: NDArray[Any]
    """(n_tokens,) uint16 or uint32: token ids"""
    offsets: NDArray[np.int64]
    """(n_docs + 1,) int64, from 0"""
    doc_ids: NDArray[np.uint8]
    """(n_docs, 16) uint8"""
    sources: pa.StringArray
    """(n_docs,) labels"""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n_docs,) int64: tokens of each document."""
        return np.diff(self.offsets)


def documents_of(table: pa.Table) -> Iterator[Documents]:
    """The documents of one file of a tokens set, one record batch at a time, without copying."""
    for batch in table.to_batches():
        tokens, ids = batch.column("tokens"), batch.column("doc_id")
        offsets = tokens.offsets.to_numpy()
        doc_ids = np.frombuffer(ids.buffers()[1], np.uint8).reshape(-1, 16)[ids.offset : ids.offset + len(ids)]
        yield Documents(tokens.values.to_numpy()[offsets[0] : offsets[-1]], offsets - offsets[0], doc_ids, batch.column("source"))


def all_documents(tokens: ShardSet) -> Iterator[Documents]:
    """The documents of a whole set, one record batch at a time."""
    for table in tokens.tables():
        yield from documents_of(table)


def token_dtype(tokens: ShardSet) -> np.dtype[Any]:
    """The type of the set's ids: uint16 or uint32."""
    return np.dtype(tokens.schema.field("tokens").type.value_type.to_pandas_dtype())


def longest(tokens: ShardSet) -> int:
    """Tokens of the longest document; reads only offsets."""
    return max((int(documents.lengths.max(initial=0)) for documents in all_documents(tokens)), default=0)


def chunks(tokens: ShardSet) -> Iterator[list[Documents]]:
    """The documents of each file, with at most `CHUNK_BYTES` of ids. Raises TokenizeError for a document of 2 GiB or more."""
    waiting: list[Documents] = []
    room = CHUNK_BYTES
    for documents in all_documents(tokens):
        ends, first = documents.offsets * documents.values.itemsize, 0
        if documents.lengths.max(initial=0) * documents.values.itemsize >= 1 << 31:
            raise TokenizeError(f"{tokens.folder}: a document takes 2 GiB or more, too much for 32-bit offsets; split it before tokenizing")
        while first < len(documents.lengths):
            last = int(np.searchsorted(ends, ends[first] + room, side="right")) - 1
            if last == first and not waiting:
                last = first + 1
            if last > first:
                waiting.append(_slice(documents, first, last))
                room -= int(ends[last] - ends[first])
                first = last
            if first < len(documents.lengths):
                yield waiting
                waiting, room = [], CHUNK_BYTES
    if waiting:
        yield waiting


def _slice(documents: Documents, first: int, last: int) -> Documents:
    offsets = documents.offsets[first : last + 1]
    values = documents.values[offsets[0] : offsets[-1]]
    return Documents(values, offsets - offsets[0], documents.doc_ids[first:last], documents.sources.slice(first, last - first))
