"""Inputs cut into tasks. The cut depends on the inputs alone, so results don't depend on how many processes there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from curate.read.files import InputFile

TASK_BYTES = 16 << 20


@dataclass(frozen=True)
class Part:
    """A file, or some of a Parquet file's row groups: those from `start` up to `stop`, the first with number `first_row`."""

    file: InputFile
    start: int = 0
    stop: int | None = None
    first_row: int = 0


@dataclass(frozen=True)
class Task:
    """Parts that are read, measured and committed together."""

    number: int
    parts: tuple[Part, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes on disk of the task's files, each counted with its first part."""
        return sum(part.file.n_bytes for part in self.parts if part.start == 0)


def cut_tasks(files: Sequence[InputFile], task_bytes: int | None = None) -> list[Task]:
    """Group files, in order, into tasks of about `task_bytes` (default: `TASK_BYTES`); larger files are a task of their own, large Parquet files several."""
    task_bytes = task_bytes or TASK_BYTES
    groups: list[tuple[Part, ...]] = []
    group: list[Part] = []
    size = 0
    for part, n_bytes in _parts(files, task_bytes):
        if group and size + n_bytes > task_bytes:
            groups.append(tuple(group))
            group, size = [], 0
        group.append(part)
        size += n_bytes
    if group:
        groups.append(tuple(group))
    return [Task(number, parts) for number, parts in enumerate(groups)]


def _parts(files: Sequence[InputFile], task_bytes: int) -> Iterator[tuple[Part, int]]:
    for file in files:
        if file.format == "parquet" and file.n_bytes > task_bytes:
            yield from _row_group_parts(file, task_bytes)
        else:
            yield Part(file), file.n_bytes


def _row_group_parts(file: InputFile, task_bytes: int) -> Iterator[tuple[Part, int]]:
    """Consecutive row groups of about `task_bytes` as compressed. A file that cannot be opened stays whole: its task reports it."""
    try:
        metadata = pq.read_metadata(file.path)
    except (pa.ArrowException, OSError):
        yield Part(file), file.n_bytes
        return
    start = first_row = n_rows = n_bytes = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        n_bytes += sum(group.column(column).total_compressed_size for column in range(group.num_columns))
        n_rows += group.num_rows
        if n_bytes >= task_bytes or index == metadata.num_row_groups - 1:
            yield Part(file, start, index + 1, first_row), n_bytes
            start, first_row, n_rows, n_bytes = index + 1, first_row + n_rows, 0, 0
