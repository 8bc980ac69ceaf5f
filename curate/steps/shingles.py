"""Word n-grams of the final texts for a Bloom filter: table `shingles`, one row per document, about as large as the text."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.dedup.bloom import refuse_other_file
from curate.dedup.bloom_stream import Shingles, find_shingles
from curate.dedup.recipe import BloomRecipe, WithWords
from curate.errors import CurateError
from curate.kernels.buffers import text_buffers
from curate.steps.batch import Batch, Step, file_key
from curate.words.choice import load_splitter

_PARTS = {"start": pa.int64(), "end": pa.int64(), "n_words": pa.int64(), "n_shingles": pa.int64()}


class ShinglesStep(Step[WithWords[BloomRecipe]]):
    """Hashes the n-grams of each document or of its parts."""

    name = "shingles"
    uncompressed = ("shingles",)

    def __init__(self, section: WithWords[BloomRecipe], folder: Path) -> None:
        super().__init__(section, folder)
        self._bloom = section.section
        self._splitter = load_splitter(section.words)
        lists = [*((name, pa.large_list(kind)) for name, kind in _PARTS.items()), ("hash", pa.large_list(pa.uint64()))]
        self.tables = {"shingles": pa.schema(lists)}

    @classmethod
    def key(cls, section: WithWords[BloomRecipe]) -> Any:
        """Word splitter, n-gram length and scope; and the filter loaded, on which all decisions depend."""
        words, bloom = section
        if bloom.load and not Path(bloom.load).is_file():
            raise CurateError(f"dedup.bloom.load: {bloom.load}: no such file; make it with `bloom: {{save: FILE}}` in an earlier run")
        if bloom.save:
            refuse_other_file(Path(bloom.save))
        return [words, bloom.ngram, bloom.scope, bloom.load and file_key(bloom.load)]

    def apply(self, batch: Batch) -> None:
        """Fill the table `shingles`."""
        shingles = find_shingles(*text_buffers(batch.texts), self._splitter, self._bloom.ngram, self._bloom.scope)
        lists = [pa.LargeListArray.from_arrays(pa.array(shingles.doc_offsets), pa.array(values)) for values in shingles[1:5]]
        hash_offsets = np.append(0, np.cumsum(shingles.n_shingles))[shingles.doc_offsets]
        lists.append(pa.LargeListArray.from_arrays(pa.array(hash_offsets), pa.array(shingles.hashes)))
        batch.tables["shingles"] = pa.record_batch(lists, schema=self.tables["shingles"])


def shingle_batches(table: pa.Table) -> list[Shingles]:
    """The shingles of a task, from its table, without copying."""
    shingles = []
    for batch in table.to_batches():
        lists = [batch[name] for name in (*_PARTS, "hash")]
        offsets = np.asarray(lists[0].offsets).astype(np.int64)
        shingles.append(Shingles(offsets - offsets[0], *(np.asarray(column.flatten()) for column in lists)))
    return shingles
