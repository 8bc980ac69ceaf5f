"""Inputs cut into tasks. The cut depends on the inputs alone, so results don't depend on how many processes there are.

Small files share a task; a large file is cut into parts where its format allows it. Parquet and Arrow files are cut between row groups, which can
be read on their own. Lines and web archives are cut into stripes of decompressed bytes. Each task that reads a stripe runs through what lies
before it, without parsing, so their number is bounded: at most `MAX_STRIPES` a file, and no more than the whole run needs to keep many processes
busy. Decompression is some fifty times as fast as curation, so sixteen stripes cost a sixth more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curate.read.content.decompress import decompressed_bytes
from curate.read.files import InputFile
from curate.read.table.arrow import arrow_groups, parquet_groups

TASK_BYTES = 16 << 20
"""A task's files on disk, at most; less where that makes fewer than ENOUGH_TASKS."""
LEAST_TASK_BYTES = 4 << 20
STRIPES_PER_TASK = 4
"""A stripe holds at least so many times `TASK_BYTES` of decompressed bytes: text compresses about four times."""
MAX_STRIPES = 16
ENOUGH_TASKS = 64
"""Inputs are cut until the run has about so many tasks: with few, processes wait for the last one."""
STRIPED = frozenset({"jsonl", "lines", "warc"})


@dataclass(frozen=True)
class Part:
    """A file, or what lies in it from `start` up to `stop` (None: its end).

    The unit is the row group in Parquet files, the record batch in Arrow files, and the decompressed byte at which a line or an archive's record
    begins in all others. `first_row` is the number of the first row where the cut knows it (Parquet, Arrow); else 0, and the reader counts.
    """

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
    """Group files, in order, into tasks of about `task_bytes` (default: what makes ENOUGH_TASKS, between LEAST_TASK_BYTES and TASK_BYTES).

    Larger files are a task of their own, or several.
    """
    task_bytes = task_bytes or min(TASK_BYTES, max(LEAST_TASK_BYTES, sum(file.n_bytes for file in files) // ENOUGH_TASKS))
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
    large = [file for file in files if file.n_bytes > task_bytes]
    n_stripes = min(MAX_STRIPES, max(1, ENOUGH_TASKS // max(len(large), 1)))
    for file in files:
        if file.n_bytes <= task_bytes:
            yield Part(file), file.n_bytes
        elif file.format in STRIPED:
            yield from _stripes(file, task_bytes, n_stripes)
        elif file.format in ("parquet", "arrow"):
            yield from _row_groups(file, task_bytes)
        else:
            yield Part(file), file.n_bytes


def _stripes(file: InputFile, task_bytes: int, n_stripes: int) -> Iterator[tuple[Part, int]]:
    """Equal ranges of decompressed bytes, by an estimate of their number; the last is open, so that nothing depends on it."""
    size = decompressed_bytes(file.path, file.n_bytes)
    n_stripes = max(1, min(n_stripes, size // (STRIPES_PER_TASK * task_bytes)))
    bounds = [size * index // n_stripes for index in range(n_stripes)]
    for start, stop in zip(bounds, [*bounds[1:], None], strict=True):
        yield Part(file, start, stop), max(file.n_bytes // n_stripes, task_bytes)


def _row_groups(file: InputFile, task_bytes: int) -> Iterator[tuple[Part, int]]:
    """Consecutive row groups of about `task_bytes` on disk. A file that cannot be opened stays whole: its task reports it."""
    groups = parquet_groups(file.path) if file.format == "parquet" else arrow_groups(file.path, file.n_bytes)
    if not groups:
        yield Part(file), file.n_bytes
        return
    start = first_row = n_rows = n_bytes = 0
    for index, (rows, size) in enumerate(groups):
        n_bytes += size
        n_rows += rows
        if n_bytes >= task_bytes or index == len(groups) - 1:
            yield Part(file, start, index + 1, first_row), n_bytes
            start, first_row, n_rows, n_bytes = index + 1, first_row + n_rows, 0, 0
