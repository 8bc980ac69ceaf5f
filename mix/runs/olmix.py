"""Olmix's tables of runs: `ratios.csv` has each run's shares, `metrics.csv` its scores (https://github.com/allenai/olmix)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mix.errors import MixError
from mix.runs.columns import SHARE, counted, listed

RATIOS, METRICS = "ratios.csv", "metrics.csv"

_IDS = ("run", "run_id")
_LABELS = re.compile(r"|run|run_id|name|index|Unnamed: \d+")
_BITS = re.compile(r"bpb|bits.per.byte", re.IGNORECASE)
_NATS = re.compile(r"(?<![a-z])loss(?![a-z])|cross.entropy", re.IGNORECASE)
_NO_LOSS = re.compile(r"(?<![a-z])ppl(?![a-z])|perplexity", re.IGNORECASE)

Table = Mapping[str, list[Any]]


def is_pair(folder: Path) -> bool:
    """Whether a folder holds both files."""
    return (folder / RATIOS).is_file() and (folder / METRICS).is_file()


def joined(folder: Path, ratios: Table, metrics: Table) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns of a table of runs, and notes for the user, from the columns of both files, joined on `run` (or `run_id`).

    Runs that are in one file only are left out and named. Metrics are bits per byte, as in Olmix, unless their name says that they are a loss;
    perplexities are left out. Raises MixError if a file has no such column, if a run has two rows of shares, or if no run is in both.
    """
    ids = {name: _ids(folder / name, table) for name, table in ((RATIOS, ratios), (METRICS, metrics))}
    row_of = _row_by_run(folder / RATIOS, ids[RATIOS], ratios)
    scored = set(ids[METRICS])
    kept = [(row_of[run], row) for row, run in enumerate(ids[METRICS]) if run in row_of]
    if not kept:
        raise MixError(f"{folder}: no run is in both {RATIOS} and {METRICS}; their columns run must hold the same names")
    notes = []
    for name, alone in ((RATIOS, [run for run in row_of if run not in scored]), (METRICS, [run for run in ids[METRICS] if run not in row_of])):
        if alone:
            notes.append(f"{folder}: {counted(len(set(alone)), 'run')} in {name} only, left out: {listed(alone)}")
    columns: dict[str, list[Any]] = {"run": [ids[METRICS][row] for _, row in kept]}
    for name, values in ratios.items():
        if not _LABELS.fullmatch(name):
            columns[SHARE + name] = [values[row] for row, _ in kept]
    units, of_units = _units([name for name in metrics if not _LABELS.fullmatch(name)], folder)
    for name, prefix in units.items():
        columns[prefix + name] = [metrics[name][row] for _, row in kept]
    return columns, notes + of_units


def _ids(path: Path, table: Table) -> list[str]:
    column = next((name for name in _IDS if name in table), None)
    if column is None:
        raise MixError(f"{path}: no column run (or run_id), which joins {RATIOS} and {METRICS}")
    return [str(value).strip() for value in table[column]]


def _row_by_run(path: Path, runs: list[str], table: Table) -> dict[str, int]:
    row_of: dict[str, int] = {}
    for row, run in enumerate(runs):
        first = row_of.setdefault(run, row)
        if any(values[first] != values[row] for name, values in table.items() if not _LABELS.fullmatch(name)):
            raise MixError(f"{path}: run {run} has two rows with different shares (rows {first + 1} and {row + 1}); keep one")
    return row_of


def _units(metrics: list[str], folder: Path) -> tuple[dict[str, str], list[str]]:
    """The prefix of each metric's column in our table, and notes on what was assumed."""
    left_out = [name for name in metrics if _NO_LOSS.search(name)]
    prefixes = {name: "loss." if _NATS.search(name) and not _BITS.search(name) else "bits." for name in metrics if name not in left_out}
    assumed = [name for name, prefix in prefixes.items() if prefix == "bits." and not _BITS.search(name)]
    notes = []
    if left_out:
        notes.append(f"{folder / METRICS}: {counted(len(left_out), 'perplexity column')} left out: {listed(left_out)}")
    if assumed:
        notes.append(f"{folder / METRICS}: {counted(len(assumed), 'metric')} taken as bits per byte: {listed(assumed)}")
    return prefixes, notes
