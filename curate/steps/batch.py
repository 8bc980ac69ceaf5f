"""Batches of documents, and the interface of a step. How to add one: docs/how-to/add-a-dedup-method.md."""

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pyarrow as pa

from curate.read.batch import RAW

Section = TypeVar("Section")

SITED = pa.schema([*RAW, ("file", pa.string()), ("source", pa.string())])
"""Raw documents with their file and source."""


@dataclass
class Batch:
    """Documents in the order of `rows`, with what the steps have measured so far."""

    texts: pa.Array
    """(n_docs,) large_string without nulls: the current text. A rewriting step replaces the array."""
    rows: pa.RecordBatch
    """(n_docs,) of `SITED`. Its `text` is the text as read."""
    columns: dict[str, pa.Array] = field(default_factory=dict)
    """Measured columns of the signals table, (n_docs,) each."""
    tables: dict[str, pa.RecordBatch] = field(default_factory=dict)
    """Further tables by name; rows need not be documents."""
    counts: Counter[str] = field(default_factory=Counter)
    """Counts that the report sums over all documents, e.g. `repaired`."""


class Step(ABC, Generic[Section]):
    """One thing done to every batch, configured by its section of the recipe. Made once per worker; `apply` keeps nothing of a batch.

    Results for a document must not depend on other documents of the batch. `__init__` loads models and the like, and raises CurateError for
    what it cannot use; `folder` holds what `prepare` made.
    """

    name: ClassVar[str]
    """Its name in the keys of stages and in timings."""
    uncompressed: ClassVar[tuple[str, ...]] = ()
    """Tables to write without compression, because they are memory-mapped later or do not compress."""

    def __init__(self, section: Section, folder: Path) -> None:
        self.columns: list[pa.Field] = []
        """Columns it adds to the signals table."""
        self.tables: dict[str, pa.Schema] = {}
        """Tables that `apply` fills, with an empty batch at least."""

    @classmethod
    @abstractmethod
    def key(cls, section: Section) -> Any:
        """Everything that its results depend on, as JSON; files by path, size and modification time."""

    @classmethod
    def prepare(cls, section: Section, folder: Path) -> None:
        """Build in `folder` what all workers share, once before all batches. Atomic; does nothing if it exists."""
        return

    @abstractmethod
    def apply(self, batch: Batch) -> None:
        """Change `batch.texts`, or add columns, tables and counts."""


def file_key(path: str | Path) -> list[Any]:
    """A file in a step's key: path, size in bytes, modification time in nanoseconds."""
    status = Path(path).stat()
    return [str(path), status.st_size, status.st_mtime_ns]
