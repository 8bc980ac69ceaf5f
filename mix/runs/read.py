"""Reading a table of runs from CSV, JSON Lines or Parquet, or from Olmix's pair of CSV files."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mix.errors import MixError
from mix.runs import olmix
from mix.runs.clean import clean, clean_rows
from mix.runs.columns import runs_of
from mix.runs.table import Runs

Columns = dict[str, list[Any]]


def read_runs(path: Path) -> tuple[Runs, list[str]]:
    """The cleaned table at `path`, and notes for the user. `path` is a .csv, .jsonl or .parquet file, or a folder with ratios.csv and metrics.csv.

    Raises MixError for a file that cannot be read and for everything that `table_of` refuses.
    """
    columns, notes = read_columns(path)
    runs, of_table = table_of(columns, str(path))
    return runs, notes + of_table


def table_of(columns: Mapping[str, Sequence[Any]], where: str = "table") -> tuple[Runs, list[str]]:
    """The cleaned table of columns with n values each, and notes for the user; `where` begins messages.

    Columns are `run`, `kind`, `tokenizer`, those of `NUMBERS`, `share.SOURCE`, `loss.DOMAIN` (nats a token) or `bits.DOMAIN` (bits per byte), and
    `content.SOURCE`; values as in `mix.runs.columns.runs_of`. Raises MixError for what that refuses, and for what `mix.runs.clean` does.
    """
    runs, notes = runs_of(columns, where)
    runs, of_rows = clean_rows(runs, where)
    runs, of_table = clean(runs, where)
    return runs, notes + of_rows + of_table


def read_columns(path: Path) -> tuple[Columns, list[str]]:
    """The columns of a table by name, as they are in the file, and notes for the user; those of an Olmix pair get our names.

    Raises MixError if the file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        if not olmix.is_pair(path):
            raise MixError(f"{path}: a folder without {olmix.RATIOS} and {olmix.METRICS}; gather the runs in it with `mix runs {path} --out runs.csv`")
        return olmix.joined(path, *(_read_csv(path / name) for name in (olmix.RATIOS, olmix.METRICS)))
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise MixError(f"{path}: a table of runs is a {', '.join(readers)} file, or a folder with {olmix.RATIOS} and {olmix.METRICS}")
    try:
        return readers[path.suffix.lower()](path), []
    except FileNotFoundError:
        raise MixError(f"{path}: no such table of runs") from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as problem:
        raise MixError(f"{path}: cannot be read ({str(problem).splitlines()[0]})") from None


def _read_csv(path: Path) -> Columns:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            rows = []
            for row in reader:
                if row and len(row) != len(header):
                    raise MixError(f"{path}, line {reader.line_num}: {len(row)} cells, but the header has {len(header)}")
                rows += [row] if row else []
        except csv.Error as problem:
            raise MixError(f"{path}, line {reader.line_num}: not valid CSV ({problem})") from None
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise MixError(f"{path}: column {twice[0]} appears twice")
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


def _read_jsonl(path: Path) -> Columns:
    rows = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                rows.append(_flat_row(path, number, line))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _flat_row(path: Path, number: int, line: str) -> dict[str, Any]:
    """One object; `{"share": {"a": 1}}` is `{"share.a": 1}`."""
    try:
        row = json.loads(line)
    except ValueError as problem:
        raise MixError(f"{path}, line {number}: not valid JSON ({problem})") from None
    if not isinstance(row, dict):
        raise MixError(f"{path}, line {number}: each line is a JSON object with a value by column")
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= {f"{name}.{inner}": content for inner, content in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _read_parquet(path: Path) -> Columns:
    table = pq.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}
