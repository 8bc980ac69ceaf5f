"""Training sets as slices of record batches: one in memory at a time, whatever the size of the set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from shards.manifest import ShardFile, file_problem
from shards.read import ShardSet, arrow_reader
from shards.schemas import DOCUMENTS, require

_COLUMNS = ("id", "text", "source")
_PIECE_BYTES = 1 << 23


@dataclass(frozen=True)
class TrainingSlice:
    """Record batches `first:stop` of file number `file` of training set number `set`."""

    set: int
    file: int
    path: Path
    shard: ShardFile
    first: int
    stop: int


def open_training_sets(folders: Sequence[Path]) -> list[ShardSet]:
    """The documents sets. Raises ShardError if one is no documents set, and CurateError if it lacks ids, texts or sources."""
    sets = []
    for folder in folders:
        documents = ShardSet(_documents_of(folder), "documents", verify=False)
        for file in documents.manifest.files:
            lacking = require(pa.ipc.open_file(pa.memory_map(str(documents.folder / file.name))).schema, pa.schema([DOCUMENTS.field(n) for n in _COLUMNS]))
            if lacking:
                raise CurateError(f"{documents.folder / file.name}: no usable column {', '.join(lacking)}; rerun the command that made the set")
        sets.append(documents)
    return sets


def _documents_of(folder: Path) -> Path:
    """`documents` of an output folder of `curate run`, or the folder itself."""
    inner = Path(folder) / "documents"
    return inner if (inner / "manifest.json").is_file() else Path(folder)


def slices(sets: Sequence[ShardSet], task_bytes: int) -> Iterator[TrainingSlice]:
    """All slices in order, of about `task_bytes` of file each."""
    for number, documents in enumerate(sets):
        for index, file in enumerate(documents.manifest.files):
            path = documents.folder / file.name
            n_batches = pa.ipc.open_file(pa.memory_map(str(path))).num_record_batches
            n_slices = max(1, min(n_batches, -(-file.n_bytes // task_bytes)))
            for part in range(n_slices):
                yield TrainingSlice(number, index, path, file, n_batches * part // n_slices, n_batches * (part + 1) // n_slices)


def check_file(part: TrainingSlice) -> None:
    """Raise CurateError if the slice is the first of its file, and the file is damaged."""
    problem = file_problem(part.path, part.shard) if part.first == 0 else None
    if problem:
        raise CurateError(f"{part.path}: {problem}; restore the file, or rerun the command that made this set")


def record_batch(path: Path, shard: ShardFile, number: int) -> pa.RecordBatch:
    """One record batch: ids, texts (null as empty), sources. Only these columns are decompressed."""
    with pa.memory_map(str(path)) as mapped:
        schema = arrow_reader(mapped, path, shard.n_rows).schema
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in _COLUMNS])
        return pa.ipc.open_file(mapped, options=options).get_batch(number).select(list(_COLUMNS))


def pieces(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of rows of at most 8 MiB of text, from text offsets (n_docs + 1,) int64; a longer document is a range of its own."""
    start = 0
    while start < len(offsets) - 1:
        stop = int(np.searchsorted(offsets, offsets[start] + _PIECE_BYTES, side="right")) - 1
        stop = max(min(stop, len(offsets) - 1), start + 1)
        yield start, stop
        start = stop
