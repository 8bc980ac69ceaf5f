"""Columns of a table of runs: their names, and from their values to `Runs`."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mix.errors import MixError
from mix.runs.table import KINDS, NUMBERS, Array, Runs, Unit

TEXTS = ("run", "kind", "tokenizer")
SHARE, CONTENT = "share.", "content."
UNITS: dict[str, Unit] = {"loss.": "nats a token", "bits.": "bits per byte"}
"""Units of the columns of losses by their prefix."""

_IGNORED = re.compile(r"|index|name|Unnamed: \d+|__index_level_\d+__")
"""Row numbers and labels that other programs write."""
_UNKNOWN = frozenset(("", "na", "n/a", "nan", "none", "null", "-"))
_MOST_NAMES = 5


def runs_of(columns: Mapping[str, Sequence[Any]], where: str) -> tuple[Runs, list[str]]:
    """The runs of a table given by columns, each a list of n text or numeric values, and notes for the user. Nothing is cleaned yet.

    Numbers may be text; None, empty text and NaN are unknown. Rows without `run` are numbered. Raises MixError, beginning with `where`, for values that
    are not numbers, unknown kinds, names that look like a misspelt column, domains in two units, and tables without rows, shares or losses.
    """
    notes = _check_names(columns, where)
    n = len(next(iter(columns.values()), ()))
    if not n:
        raise MixError(f"{where}: no rows; a table of runs has one row per run and step")
    sources = _names(columns, SHARE)
    losses = {column.removeprefix(prefix): prefix for column in columns for prefix in UNITS if column.startswith(prefix)}
    _check_groups(columns, sources, losses, where)
    text = {name: [_text(value) for value in columns.get(name, [""] * n)] for name in TEXTS}
    if "run" not in columns:
        text["run"] = [f"row {row + 1}" for row in range(n)]
        notes.append(f"{where}: no column run, so each row counts as a run of its own")
    shares = _matrix(columns, SHARE, sources, where)
    _set_kinds(text, shares, where)
    runs = Runs(
        **{name: tuple(values) for name, values in text.items()},
        numbers={name: _numbers(columns, name, where) for name in NUMBERS if name in columns},
        sources=sources,
        shares=shares,
        domains=tuple(losses),
        losses=np.stack([_numbers(columns, prefix + name, where) for name, prefix in losses.items()], axis=1),
        units=tuple(UNITS[prefix] for prefix in losses.values()),
        contents=np.array([[_text(value) for value in columns.get(CONTENT + name, [""] * n)] for name in sources], np.str_).reshape(len(sources), n).T,
    )
    return runs, notes


def listed(names: Sequence[str]) -> str:
    """The first few names, and the number of the others: `a, b, c and 12 more`."""
    unique = list(dict.fromkeys(names))
    more = len(unique) - _MOST_NAMES
    return ", ".join(unique[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def counted(n: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean X?` with the nearest known name, or `; known are …`."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {listed(known)}"


def _names(columns: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    return tuple(column.removeprefix(prefix) for column in columns if column.startswith(prefix))


def _check_names(columns: Mapping[str, Any], where: str) -> list[str]:
    """Notes on columns that are not read. Raises MixError for those that look like a misspelt one."""
    other = [column for column in columns if not _is_known(column) and not _IGNORED.fullmatch(column)]
    misspelt = [(column, close) for column in other if (close := _close(column)) is not None]
    if misspelt:
        raise MixError(f"{where}: " + "; ".join(f"unknown column {column}, did you mean {close}?" for column, close in misspelt))
    return [f"{where}: {counted(len(other), 'column')} not read: {listed(other)}"] if other else []


def _is_known(column: str) -> bool:
    return column in TEXTS or column in NUMBERS or any(column.startswith(prefix) and column != prefix for prefix in (SHARE, CONTENT, *UNITS))


def _close(column: str) -> str | None:
    """The known column that a name was probably meant to be."""
    prefixes = [prefix.removesuffix(".") for prefix in (SHARE, CONTENT, *UNITS)]
    parts = re.split(r"[._/: -]", column, maxsplit=1)
    if len(parts) == 2 and parts[1]:
        head = difflib.get_close_matches(parts[0].lower(), prefixes, n=1, cutoff=0.8)
        if head:
            return f"{head[0]}.{parts[1]}"
    close = difflib.get_close_matches(column.lower(), (*TEXTS, *NUMBERS), n=1, cutoff=0.7)
    return close[0] if close else None


def _check_groups(columns: Mapping[str, Any], sources: Sequence[str], losses: Mapping[str, str], where: str) -> None:
    if not sources:
        raise MixError(f"{where}: no column of shares; name them share.SOURCE")
    if not losses:
        raise MixError(f"{where}: no column of losses; name them loss.DOMAIN (nats a token) or bits.DOMAIN (bits per byte)")
    both = [name for name in losses if all(prefix + name in columns for prefix in UNITS)]
    if both:
        raise MixError(f"{where}: {listed(both)}: losses in both units; keep either loss.{both[0]} (nats a token) or bits.{both[0]} (bits per byte)")
    strangers = [name for name in _names(columns, CONTENT) if name not in sources]
    if strangers:
        raise MixError(f"{where}: content.{strangers[0]}: no such source{nearest(strangers[0], sources)}")


def _set_kinds(text: dict[str, list[str]], shares: Array, where: str) -> None:
    """Fill in unknown kinds: the run `base` without shares is the base model, all others were trained."""
    no_shares = ~(np.nan_to_num(shares) != 0).any(axis=1)
    for row, kind in enumerate(text["kind"]):
        if kind and kind not in KINDS:
            raise MixError(f"{where}, row {row + 1}: kind {kind}: unknown{nearest(kind, KINDS)}")
        text["kind"][row] = kind or ("base" if text["run"][row] == "base" and no_shares[row] else "trained")


def _matrix(columns: Mapping[str, Sequence[Any]], prefix: str, names: Sequence[str], where: str) -> Array:
    return np.stack([_numbers(columns, prefix + name, where) for name in names], axis=1)


def _numbers(columns: Mapping[str, Sequence[Any]], name: str, where: str) -> Array:
    return np.array([_number(value, row, name, where) for row, value in enumerate(columns[name])], np.float64)


def _number(value: Any, row: int, column: str, where: str) -> float:
    if value is None or (isinstance(value, str) and value.strip().lower() in _UNKNOWN):
        return math.nan
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise MixError(f"{where}, row {row + 1}, column {column}: {str(value)[:40]!r} is not a number; leave the cell empty if it is unknown") from None


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
