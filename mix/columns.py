"""Columns of the documents behind a source's tokens: scores, topics, sizes of clusters."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from mix.errors import MixError
from shards.errors import ShardError
from shards.read import ShardSet


class Groups(NamedTuple):
    """Documents by the value of a column."""

    values: list[str]
    """(n_groups,): in alphabetical order; "" for documents whose column is null or empty"""
    group: NDArray[np.int64]
    """(n_docs,): group of each document"""


class DocumentColumns:
    """Columns of documents sets: one value for each document of a source, in the order in which they were tokenized.

    Raises MixError that names the source if a set is unusable, lacks a column, or does not hold the documents that were tokenized.
    """

    def __init__(self, source: str, documents: Sequence[Path], tokens: Sequence[ShardSet], names: Sequence[str]) -> None:
        self._source = source
        try:
            sets = [ShardSet(folder, "documents", verify=False) for folder in documents]
            tables = [table for shard_set in sets for table in shard_set.columns(["id", *names])]
            tokenized = _digest(table["doc_id"] for shard_set in tokens for table in shard_set.columns(["doc_id"]))
        except ShardError as error:
            raise MixError(f"source {source}: {error}") from None
        self.parents = tuple(shard_set.parent("documents") for shard_set in sets)
        if _digest(table["id"] for table in tables) != tokenized:
            raise MixError(
                f"source {source}: {', '.join(map(str, documents))} are not the documents that were tokenized, in that order; "
                "give the folders that `tokenize run` read, or tokenize these again"
            )
        self._columns = {name: pa.chunked_array([chunk for table in tables for chunk in table[name].chunks]) for name in names if tables}

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(n_docs,) float64; NaN for null. Strings are parsed as numbers. Raises MixError for a value that is not a number."""
        try:
            numbers = pc.cast(self._columns[name], pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise MixError(f"source {self._source}: column {name} holds values that are not numbers ({error}); name another column") from None
        return numbers.to_numpy()

    def groups(self, name: str) -> Groups:
        """Documents by the value of a column, as text."""
        column = self._columns[name]
        if not (
            pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
        ):
            raise MixError(f"source {self._source}: column {name} is {column.type}; split by text or whole numbers, such as a topic")
        text = pc.fill_null(pc.cast(column, pa.string()), "")
        coded = text.combine_chunks().dictionary_encode()
        values = coded.dictionary.to_pylist()
        order = sorted(range(len(values)), key=values.__getitem__)
        rank = np.empty(len(values), np.int64)
        rank[order] = np.arange(len(values))
        return Groups([values[index] for index in order], rank[coded.indices.to_numpy()])


def _digest(columns: Iterable[pa.ChunkedArray]) -> tuple[int, str]:
    """Number and xxh3-128 of document ids (16 bytes each)."""
    digest, n_ids = xxhash.xxh3_128(), 0
    for column in columns:
        for chunk in column.chunks:
            n_ids += len(chunk)
            digest.update(memoryview(chunk.buffers()[1])[16 * chunk.offset : 16 * (chunk.offset + len(chunk))] if len(chunk) else b"")
    return n_ids, digest.hexdigest()
