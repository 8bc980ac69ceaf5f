"""Items: what every probe but drift measures, one row a measure and item."""

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

ITEMS = pa.schema([("measure", pa.string()), ("domain", pa.string()), ("item", pa.binary()), ("numerator", pa.float64()), ("denominator", pa.float64())])
"""`item`: id of the document, or the number of the question; `domain` is empty for probes without text. A denominator of 0: nothing to judge."""


class Item(NamedTuple):
    """One row of `ITEMS`."""

    measure: str
    domain: str
    item: bytes
    numerator: float
    denominator: float


def to_batch(items: Iterable[Item]) -> pa.RecordBatch:
    """Items as a record batch."""
    return pa.RecordBatch.from_pylist([item._asdict() for item in items], schema=ITEMS)


def from_table(table: pa.Table) -> list[Item]:
    """Items of a table."""
    return [Item(**row) for row in table.to_pylist()]


def number(index: int) -> bytes:
    """Id of the item with this number."""
    return index.to_bytes(4, "big")
