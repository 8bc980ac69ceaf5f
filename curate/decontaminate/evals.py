"""Evaluation items from files: JSON lines, JSON, CSV, TSV, Parquet, text."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curate.decontaminate.recipe import EvalRecipe
from curate.errors import CurateError

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonlines": "jsonl",
    ".jl": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
}
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


class EvalItem(NamedTuple):
    """One row of an evaluation set: its location (`FILE:ROW`, rows from 0) and its texts, in the order of the columns."""

    place: str
    texts: list[str]


def eval_files(recipe: EvalRecipe) -> list[Path]:
    """The files of an evaluation set, sorted. Raises CurateError if there are none."""
    path = Path(recipe.path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and (recipe.format != "auto" or _kind(file) is not None))
    elif path.is_file():
        files = [path]
    else:
        root = Path(path.anchor or ".")
        files = sorted(file for file in root.glob(str(path.relative_to(root) if path.anchor else path)) if file.is_file())
    if not files:
        raise CurateError(f"decontaminate.evals {recipe.name}: no files at {recipe.path}; correct `path`")
    return files


def read_items(recipe: EvalRecipe) -> Iterator[EvalItem]:
    """All items in order. Raises CurateError with file and row for an unknown format or column, or an unreadable file."""
    for file in eval_files(recipe):
        kind = recipe.format if recipe.format != "auto" else _kind(file)
        if kind is None:
            raise CurateError(f"decontaminate.evals {recipe.name}: {file}: unknown extension; set `format`")
        if kind == "text":
            yield from _text_items(file, recipe.lines)
            continue
        for number, row in enumerate(_rows(kind, file, recipe)):
            yield EvalItem(f"{file.name}:{number}", _texts(row, recipe, f"{file}:{number}"))


def _rows(kind: str, file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    try:
        yield from _ROWS[kind](file, recipe)
    except (OSError, pa.ArrowException, csv.Error, RecursionError) as error:
        raise CurateError(f"decontaminate.evals {recipe.name}: {file}: cannot be read ({str(error).split(chr(10))[0]})") from None


def _kind(file: Path) -> str | None:
    suffixes = [suffix for suffix in file.suffixes if suffix not in _COMPRESSED]
    return _SUFFIXES.get(suffixes[-1].lower()) if suffixes else None


def _read(file: Path) -> str:
    with pa.input_stream(str(file), compression=_COMPRESSED.get(file.suffix)) as stream:
        return stream.read().decode(errors="replace")


def _text_items(file: Path, lines: int) -> Iterator[EvalItem]:
    rows = _read(file).splitlines()
    for number, start in enumerate(range(0, len(rows), lines)):
        yield EvalItem(f"{file.name}:{number}", [" ".join(rows[start : start + lines])])


def _jsonl(file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(line for line in _read(file).split("\n") if line.strip()):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CurateError(f"decontaminate.evals {recipe.name}: {file}:{number}: not valid JSON ({error})") from None
        yield row if isinstance(row, dict) else {"0": row}


def _json(file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    try:
        rows = json.loads(_read(file))
    except json.JSONDecodeError as error:
        raise CurateError(f"decontaminate.evals {recipe.name}: {file}: not valid JSON ({error})") from None
    for row in rows if isinstance(rows, list) else [rows]:
        yield row if isinstance(row, dict) else {"0": row}


def _separated(file: Path, recipe: EvalRecipe, delimiter: str, quoting: int) -> Iterator[dict[str, Any]]:
    rows = csv.reader(io.StringIO(_read(file), newline=""), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    names = next(rows, []) if recipe.header else None
    for row in rows:
        yield dict(zip(names or map(str, range(len(row))), row, strict=False))


def _csv(file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    return _separated(file, recipe, ",", csv.QUOTE_MINIMAL)


def _tsv(file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    return _separated(file, recipe, "\t", csv.QUOTE_NONE)


def _parquet(file: Path, recipe: EvalRecipe) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file).iter_batches():
        yield from batch.to_pylist()


_ROWS = {"jsonl": _jsonl, "json": _json, "csv": _csv, "tsv": _tsv, "parquet": _parquet}


def _texts(row: dict[str, Any], recipe: EvalRecipe, place: str) -> list[str]:
    absent = [name for name in recipe.columns if name not in row]
    if absent:
        raise CurateError(f"decontaminate.evals {recipe.name}: {place}: no column {absent[0]}; its columns: {', '.join(map(str, row))}")
    return [text for name in recipe.columns or row for text in _strings(row[name])]


def _strings(value: Any) -> Iterator[str]:
    """All strings in a value, depth first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
