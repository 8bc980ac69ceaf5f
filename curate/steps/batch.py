"""What goes from step to step, and what a step is. How to add one: docs/explanation/architecture.md."""

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pyarrow as pa

from curate.read.batch import RAW

Section = TypeVar("Section")

SITED = pa.schema([*RAW, ("file", pa.string()), ("source", pa.string())])
"""Raw documents and where they come from."""


@dataclass
class Batch:
    """Documents on their way through the steps, all columns and tables in the order of `rows`."""

    texts: pa.Array
    """(n_docs,) large_string without nulls: the text as it is by now. A rewriting step puts another array in its place."""
    rows: pa.RecordBatch
    """(n_docs,) of `SITED`: url, metadata, row, file, source. Its `text` is the text as read."""
    columns: dict[str, pa.Array] = field(default_factory=dict)
    """What was measured so far, (n_docs,) each: columns of the signals table to be."""
    tables: dict[str, pa.RecordBatch] = field(default_factory=dict)
    """Further tables, by name; their rows need not be documents."""
    counts: Counter[str] = field(default_factory=Counter)
    """What the run's report adds up over all documents, e.g. `repaired`."""


class Step(ABC, Generic[Section]):
    """One thing done to every batch, as its section of the recipe says. Made once in a worker; `apply` keeps nothing of a batch.

    What it adds to a document must not depend on what else is in the batch. Subclasses load what they need in `__init__` and raise
    CurateError for what cannot be used; `folder` is where `prepare` put things.
    """

    name: ClassVar[str]
    """What keys of work and timings call it."""
    uncompressed: ClassVar[tuple[str, ...]] = ()
    """Tables that are memory-mapped later, or that do not compress."""

    def __init__(self, section: Section, folder: Path) -> None:
        self.columns: list[pa.Field] = []
        """Columns it adds to the signals table."""
        self.tables: dict[str, pa.Schema] = {}
        """Tables it fills, at least with an empty batch, each time."""

    @classmethod
    @abstractmethod
    def key(cls, section: Section) -> Any:
        """JSON of all that its results depend on, files by size and time of change."""

    @classmethod
    def prepare(cls, section: Section, folder: Path) -> None:
        """Build, once before all batches, what workers share, into `folder`. Atomic, and nothing if it is there already."""
        return

    @abstractmethod
    def apply(self, batch: Batch) -> None:
        """Change `batch.texts`, or add columns, tables and counts."""


def file_key(path: str | Path) -> list[Any]:
    """A file in a step's key: path, size and time of change."""
    status = Path(path).stat()
    return [str(path), status.st_size, status.st_mtime_ns]
