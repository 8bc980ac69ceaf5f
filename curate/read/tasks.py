"""Inputs cut into tasks. The cut depends on the inputs alone, so results do not depend on the number of workers.

Small files share a task; a large file is cut into parts if its format allows it. Parquet and Arrow files are cut between row groups, which can be read
independently. Lines and web archives are cut into stripes of decompressed bytes. The task of a stripe decompresses everything before the stripe, without
parsing it. The number of stripes is therefore limited: at most `MAX_STRIPES` a file, and no more than a whole run needs to keep many workers busy.
Decompression is about fifty times as fast as curation, so sixteen stripes cost a sixth more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curate.read.content.decompress import decompressed_bytes
from curate.read.formats import FORMATS
from curate.read.part import FilePart, InputFile

TASK_BYTES = 16 << 20
"""Upper limit of a task's files on disk; less if that makes fewer than ENOUGH_TASKS."""
LEAST_TASK_BYTES = 4 << 20
STRIPES_PER_TASK = 4
"""A stripe holds at least this many times `TASK_BYTES` of decompressed bytes, because text compresses about four times."""
MAX_STRIPES = 16
ENOUGH_TASKS = 64
"""Inputs are cut until the run has about this many tasks. With few tasks, workers wait for the last one."""


@dataclass(frozen=True)
class Task:
    """Parts that are read, measured and committed together."""

    number: int
    parts: tuple[FilePart, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes on disk of the task's files, each counted with its first part."""
        return sum(part.file.n_bytes for part in self.parts if part.start == 0)


def cut_tasks(files: Sequence[InputFile], task_bytes: int | None = None) -> list[Task]:
    """Group files, in order, into tasks of about `task_bytes`; larger files become one task or several.

    `task_bytes` defaults to the size that makes ENOUGH_TASKS, between LEAST_TASK_BYTES and TASK_BYTES.
    """
    task_bytes = task_bytes or min(TASK_BYTES, max(LEAST_TASK_BYTES, sum(file.n_bytes for file in files) // ENOUGH_TASKS))
    groups: list[tuple[FilePart, ...]] = []
    group: list[FilePart] = []
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


def _parts(files: Sequence[InputFile], task_bytes: int) -> Iterator[tuple[FilePart, int]]:
    large = [file for file in files if file.n_bytes > task_bytes]
    n_stripes = min(MAX_STRIPES, max(1, ENOUGH_TASKS // max(len(large), 1)))
    for file in files:
        if file.n_bytes <= task_bytes:
            yield FilePart(file), file.n_bytes
        elif FORMATS[file.format].is_striped:
            yield from _stripes(file, task_bytes, n_stripes)
        else:
            yield from _row_groups(file, task_bytes)


def _stripes(file: InputFile, task_bytes: int, n_stripes: int) -> Iterator[tuple[FilePart, int]]:
    """Equal ranges of decompressed bytes. Their total is an estimate, so the last range is open."""
    size = decompressed_bytes(file.path, file.n_bytes)
    n_stripes = max(1, min(n_stripes, size // (STRIPES_PER_TASK * task_bytes)))
    bounds = [size * index // n_stripes for index in range(n_stripes)]
    for start, stop in zip(bounds, [*bounds[1:], None], strict=True):
        yield FilePart(file, start, stop), max(file.n_bytes // n_stripes, task_bytes)


def _row_groups(file: InputFile, task_bytes: int) -> Iterator[tuple[FilePart, int]]:
    """Consecutive row groups of about `task_bytes` on disk. A file without groups, or one that cannot be opened, stays whole; its task reports faults."""
    groups_of = FORMATS[file.format].groups
    groups = groups_of(file) if groups_of is not None else None
    if not groups:
        yield FilePart(file), file.n_bytes
        return
    start = first_row = n_rows = n_bytes = 0
    for index, (rows, size) in enumerate(groups):
        n_bytes += size
        n_rows += rows
        if n_bytes >= task_bytes or index == len(groups) - 1:
            yield FilePart(file, start, index + 1, first_row), n_bytes
            start, first_row, n_rows, n_bytes = index + 1, first_row + n_rows, 0, 0
