"""Cutting a set into files whose bytes are addressed by uint32: what litdata and MDS have in common."""

from collections.abc import Iterator

import numpy as np

from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.documents import Documents, all_documents

CHUNK_BYTES = 1 << 26
"""Bytes of ids in a file: the peers' own default (64 MB), far below the 4 GiB where uint32 ends. A longer document has a file of its own."""


def chunks(tokens: ShardSet) -> Iterator[list[Documents]]:
    """Documents in files of at most `CHUNK_BYTES` of ids. Raises TokenizeError for a document that no file can hold."""
    waiting: list[Documents] = []
    room = CHUNK_BYTES
    for some in all_documents(tokens):
        ends, first = some.offsets * some.values.itemsize, 0
        if some.lengths.max(initial=0) * some.values.itemsize >= 1 << 31:
            raise TokenizeError(f"{tokens.folder}: a document takes 2 GiB or more, too much for offsets of 32 bits; cut it before tokenizing")
        while first < len(some.lengths):
            last = int(np.searchsorted(ends, ends[first] + room, side="right")) - 1
            if last == first and not waiting:
                last = first + 1
            if last > first:
                waiting.append(_slice(some, first, last))
                room -= int(ends[last] - ends[first])
                first = last
            if first < len(some.lengths):
                yield waiting
                waiting, room = [], CHUNK_BYTES
    if waiting:
        yield waiting


def _slice(some: Documents, first: int, last: int) -> Documents:
    offsets = some.offsets[first : last + 1]
    values = some.values[offsets[0] : offsets[-1]]
    return Documents(values, offsets - offsets[0], some.doc_ids[first:last], some.sources.slice(first, last - first))
