"""Writing a table of runs, so that reading it gives the same table."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from mix.errors import MixError
from mix.runs.columns import CONTENT, SHARE, TEXTS, UNITS
from mix.runs.table import NUMBERS, Array, Runs
from shards.folder import write_page


def write_runs(path: Path, runs: Runs) -> None:
    """Write a table to a .csv or .parquet file, atomically. Numbers are read back exactly.

    Raises MixError for another suffix, and ShardError if the file would replace one that is not ours.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise MixError(f"{path}: a table of runs is written as .csv or .parquet")
    write_page(Path(path), csv_bytes(runs) if suffix == ".csv" else _parquet_bytes(runs))


def csv_bytes(runs: Runs) -> bytes:
    """The table as CSV in UTF-8: columns that know nothing are left out, unknown cells are empty."""
    columns = _columns(runs)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def runs_hash(runs: Runs) -> str:
    """xxh3-128 of everything in the table, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(csv_bytes(runs))


def _columns(runs: Runs) -> dict[str, list[Any]]:
    """Columns by name, with None for unknown values."""
    columns: dict[str, list[Any]] = {name: [value or None for value in getattr(runs, name)] for name in TEXTS}
    columns |= {name: _plain(runs.numbers[name]) for name in NUMBERS if name in runs.numbers}
    columns = {name: values for name, values in columns.items() if name == "run" or any(value is not None for value in values)}
    prefixes = {unit: prefix for prefix, unit in UNITS.items()}
    columns |= {SHARE + name: _plain(runs.shares[:, i]) for i, name in enumerate(runs.sources)}
    columns |= {prefixes[unit] + name: _plain(runs.losses[:, i]) for i, (name, unit) in enumerate(zip(runs.domains, runs.units, strict=True))}
    for i, name in enumerate(runs.sources):
        if (runs.contents[:, i] != "").any():
            columns[CONTENT + name] = [value or None for value in runs.contents[:, i].tolist()]
    return columns


def _plain(values: Array) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _parquet_bytes(runs: Runs) -> bytes:
    columns = {name: pa.array(values, pa.string() if name in TEXTS or name.startswith(CONTENT) else pa.float64()) for name, values in _columns(runs).items()}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()
