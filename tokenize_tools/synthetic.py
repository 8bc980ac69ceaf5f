"""Which documents are synthetic: made from other text by a model or a rule, as `curate synthesize` marks them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokenize_tools.texts import record_batches

_KEY = r'"synthetic"\s*:'


def marked_batches(file: Path, first: int, stop: int) -> Iterator[pa.RecordBatch]:
    """Record batches `first:stop` of a documents file: columns `id`, `text`, `source`, and `synthetic` (bool, never null).

    A document is synthetic if its column `synthetic` says so (a struct that is not null, or true), or if its metadata has a value under that key that
    is neither null nor false. `curate synthesize` writes the column, and `curate run` keeps it in the metadata.
    """
    names = pa.ipc.open_file(pa.memory_map(str(file))).schema.names
    marks = [name for name in ("synthetic", "metadata") if name in names]
    for batch in record_batches(file, ["id", "text", "source", *marks], first, stop):
        made = np.zeros(batch.num_rows, bool)
        if "synthetic" in marks:
            made |= _by_column(batch.column("synthetic"))
        if "metadata" in marks:
            made |= _by_metadata(batch.column("metadata"))
        yield batch.select(["id", "text", "source"]).append_column("synthetic", pa.array(made))


def _by_column(column: pa.Array) -> np.ndarray:
    if pa.types.is_boolean(column.type):
        return pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return column.is_valid().to_numpy(zero_copy_only=False)


def _by_metadata(column: pa.Array) -> np.ndarray:
    """The key can also stand deeper in the JSON, so the few rows that contain it are parsed."""
    made = np.zeros(len(column), bool)
    for row in np.flatnonzero(pc.fill_null(pc.match_substring_regex(column, _KEY), False).to_numpy(zero_copy_only=False)):
        try:
            metadata = json.loads(column[int(row)].as_py())
        except ValueError:
            continue
        made[row] = isinstance(metadata, dict) and metadata.get("synthetic") not in (None, False)
    return made
