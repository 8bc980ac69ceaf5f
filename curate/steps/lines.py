"""Lines or paragraphs of the final texts, to find repeated ones with: table `lines`, one row per document, one list entry per line."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.dedup.lines import LineTable, measure_lines
from curate.dedup.recipe import LinesRecipe, WithWords
from curate.kernels.buffers import text_buffers
from curate.steps.batch import Batch, Step
from curate.words.choice import load_splitter

_LISTS = {"start": pa.int64(), "end": pa.int64(), "key": pa.uint64(), "n_chars": pa.int64(), "n_words": pa.int64()}


class LinesStep(Step[WithWords[LinesRecipe]]):
    """The byte range of each line, the hash of its simplified text, and its numbers of characters and words."""

    name = "lines"

    def __init__(self, section: WithWords[LinesRecipe], folder: Path) -> None:
        super().__init__(section, folder)
        self._scope = section.section.scope
        self._splitter = load_splitter(section.words)
        self.tables = {"lines": pa.schema([(name, pa.large_list(kind)) for name, kind in _LISTS.items()])}

    @classmethod
    def key(cls, section: WithWords[LinesRecipe]) -> Any:
        """Word splitter and scope; everything else is decided later."""
        return [section.words, section.section.scope]

    def apply(self, batch: Batch) -> None:
        """Fill the table `lines`."""
        utf8, offsets = text_buffers(batch.texts)
        lines = measure_lines(utf8, offsets, self._splitter.split(utf8, offsets).starts, self._scope)
        list_offsets = pa.array(lines.doc_offsets)
        lists = [pa.LargeListArray.from_arrays(list_offsets, pa.array(values)) for values in lines[1:]]
        batch.tables["lines"] = pa.record_batch(lists, schema=self.tables["lines"])


def line_table(table: pa.Table) -> LineTable:
    """The lines of a task, from its table."""
    lists = [table[name].combine_chunks() for name in _LISTS]
    lists = [column.chunk(0) if isinstance(column, pa.ChunkedArray) else column for column in lists]
    offsets = np.asarray(lists[0].offsets).astype(np.int64)
    return LineTable(offsets - offsets[0], *(np.asarray(column.flatten()) for column in lists))
