"""What a reader receives: a file or a part of one, and a tally of its records."""

import os
from collections import Counter
from dataclasses import dataclass, field

from curate.read.recipe import InputRecipe


@dataclass(frozen=True)
class InputFile:
    """A file to read. Its size and modification time tell whether it changed after files were listed.

    `name` is the path relative to the input's path, escaped by `file_names.file_name`. With several inputs it begins with the source's name, so names
    are unique in a run. `problem` is the reason why the file cannot be read, if listing files found one.
    """

    path: str
    name: str
    format: str
    input: InputRecipe
    n_bytes: int
    mtime_ns: int
    problem: str = ""

    @property
    def separator(self) -> str:
        """The separator between the columns of a CSV file: a tab if its name contains `.tsv`, else a comma."""
        return "\t" if ".tsv" in os.path.basename(self.name).lower() else ","


@dataclass(frozen=True)
class FilePart:
    """A file, or its contents from `start` up to `stop` (None: the end of the file).

    Positions count row groups in Parquet files and record batches in Arrow files. In all other files they are decompressed bytes: a line or a record of
    an archive belongs to the part in which it begins. `first_row` is the number of the first row if it is known (Parquet, Arrow); otherwise it is 0 and
    the reader counts.
    """

    file: InputFile
    start: int = 0
    stop: int | None = None
    first_row: int = 0


@dataclass
class Tally:
    """Records seen = documents + unreadable records + `passed_over`. Readers count as they read, so lost records are noticed."""

    seen: int = 0
    """Records that the reader met; a stretch of an archive without any record counts as one."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Records that are not documents, by kind: `image`, `redirect`, `request`, …"""
