"""Tables of runs (`mix runs`) as points: the last row of each run, and the base model's."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from eval.errors import EvalError

_BITS, _SHARE = "bits.", "share."
_REMEDY = "make the table with `mix runs`, from runs that were scored in bits per byte"


@dataclass(frozen=True)
class TableRun:
    """The last row of a run: its tokens, shares of sources, and bits per byte by domain."""

    name: str
    tokens: float | None
    shares: dict[str, float]
    bits: dict[str, float]


@dataclass(frozen=True)
class RunsTable:
    """A table of runs with its base model's bits per byte by domain."""

    path: Path
    base: dict[str, float]
    runs: list[TableRun]


def read_table(path: Path) -> RunsTable:
    """Read a CSV table of runs. Raises EvalError, naming the row, for one without the columns that are needed, or with a cell that is no number."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise EvalError(f"{path}: cannot be read as a table ({problem}); {_REMEDY}") from None
    columns = rows[0].keys() if rows else ()
    if "run" not in columns or not any(str(column).startswith(_BITS) for column in columns):
        raise EvalError(f"{path}: no table of runs with columns run and bits.DOMAIN; {_REMEDY}")
    base: dict[str, float] = {}
    last: dict[str, TableRun] = {}
    for number, row in enumerate(rows, 2):
        run = _run(path, number, row)
        if row.get("kind") == "base" or (not row.get("kind") and run.name == "base" and not run.shares):
            base = run.bits
        elif run.name not in last or (run.tokens or 0) >= (last[run.name].tokens or 0):
            last[run.name] = run
    if not base:
        raise EvalError(f"{path}: no row of the base model, over which changes are counted; add it with its scores as kind base")
    return RunsTable(path, base, [run for run in last.values() if run.bits])


def _run(path: Path, number: int, row: dict[str, str]) -> TableRun:
    def value(column: str) -> float | None:
        text = row.get(column) or ""
        try:
            parsed = float(text) if text else None
        except ValueError:
            parsed = math.nan
        if parsed is not None and not math.isfinite(parsed):
            raise EvalError(f"{path}, row {number}: {column} is {text!r}, no finite number; {_REMEDY}")
        return parsed

    def under(prefix: str) -> dict[str, float]:
        known = {str(column).removeprefix(prefix): value(column) for column in row if str(column).startswith(prefix)}
        return {name: number for name, number in known.items() if number is not None}

    return TableRun(row["run"] or "", value("tokens"), under(_SHARE), under(_BITS))
