"""Rows of benchmark files as published: JSON lines, JSON, CSV, TSV, Parquet, Arrow and text, plain or compressed as gz, bz2 or xz."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from eval.errors import EvalError

_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
_AGAIN = "download the file again"
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: values by column, and where it stands (file and row), for messages."""

    values: Mapping[str, Any]
    where: str

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def problem(self, message: str) -> EvalError:
        """The error that this row raises."""
        return EvalError(f"{self.where}: {message}")

    def get(self, name: str) -> Any:
        """A value. Raises EvalError if the column is missing or null."""
        value = self.values.get(name)
        if value is None:
            raise self.problem(f"has no {name}; it has {', '.join(map(str, self.values)) or 'no columns'}")
        return value

    def text(self, name: str) -> str:
        """A text. Raises EvalError if it is missing or not a text."""
        value = self.get(name)
        if not isinstance(value, str):
            raise self.problem(f"{name} is {_shown(value)}, expected text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts. Raises EvalError if it is missing, empty, or holds anything else."""
        value = self.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise self.problem(f"{name} is {_shown(value)}, expected a list of texts")
        return tuple(value)

    def inner(self, name: str) -> "Row":
        """An object inside this row. Raises EvalError if it is missing or none."""
        value = self.get(name)
        if not isinstance(value, Mapping):
            raise self.problem(f"{name} is {_shown(value)}, expected an object")
        return Row(value, f"{self.where}, {name}")

    def index(self, name: str, n_choices: int, *, first: int = 0) -> int:
        """The index, from 0, of the right choice, which the file counts from `first`; numbers may be written as text or as true and false. Raises EvalError
        if it is missing, hidden (published as -1 or as an empty text) or out of range."""
        value = self.get(name)
        if value in ("", -1, "-1"):
            raise self.problem(f"{name} is hidden; the answers of this split are not published, use the validation split")
        number = int(value) if isinstance(value, bool | int) or (isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal()) else None
        if number is None or not first <= number < first + n_choices:
            raise self.problem(f"{name} is {_shown(value)}, expected a number from {first} to {first + n_choices - 1}")
        return number - first


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def suffix_of(path: Path) -> str:
    """The suffix in lower case that says what the file is, without that of the compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in _DECOMPRESS), "")


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of a file with named columns, by its suffix. A text file has one column, `text`, of its lines that are not blank. Raises EvalError."""
    suffix = suffix_of(path)
    if suffix == ".parquet":
        return _arrow_rows(path, lambda data: pq.read_table(pa.BufferReader(data)))
    if suffix == ".arrow":
        return _arrow_rows(path, _arrow_table)
    if suffix == ".json":
        return _json_rows(path)
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(path)
    if suffix in (".csv", ".tsv"):
        return _named_rows(path)
    return (Row({"text": line}, f"{path}, line {number}") for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip())


def read_bytes(path: Path) -> bytes:
    """The decompressed content. Raises EvalError for a file that is missing, empty, cut short, or a stand-in for the real one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvalError(f"{path}: cannot be read ({error.strerror or error})") from None
    if data.startswith(b"version https://git-lfs"):
        raise EvalError(f"{path}: a pointer of Git LFS, not the data; run `git lfs pull` in its repository")
    decompress = _DECOMPRESS.get(path.suffix.lower())
    if decompress is not None:
        try:
            data = decompress(data)
        except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
            raise EvalError(f"{path}: cannot be decompressed, it is damaged or only partly downloaded ({error}); {_AGAIN}") from None
    if not data.strip():
        raise EvalError(f"{path}: empty; {_AGAIN}")
    if data[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise EvalError(f"{path}: a web page, not the data; download the raw file")
    return data


def read_text(path: Path) -> str:
    """The decompressed text, with line ends as \\n. Raises EvalError, naming the line, if it is not UTF-8."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EvalError(f"{path}, line {line}: not UTF-8 (byte {data[error.start]:#04x}); convert the file to UTF-8, or {_AGAIN}") from None
    return text.replace("\r\n", "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises EvalError if it is not JSON."""
    return _parsed(read_text(path), str(path))


def read_table(path: Path, n_columns: int, *, quoted: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Rows of a CSV or TSV file without a header: where each stands, and its cells. With `quoted=False`, quotation marks are part of the text.
    Raises EvalError if a row has another number of columns."""
    for where, cells in _cells(path, quoted=quoted):
        if len(cells) != n_columns:
            raise EvalError(f"{where}: {len(cells)} columns, expected {n_columns}; {_AGAIN}, or mend this row")
        yield where, cells


def _cells(path: Path, *, quoted: bool) -> Iterator[tuple[str, list[str]]]:
    delimiter = "\t" if suffix_of(path) == ".tsv" else ","
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if cells:
                yield f"{path}, row {number}", cells
    except csv.Error as error:
        raise EvalError(f"{path}, row {number + 1}: {error}; the file may be cut short, {_AGAIN}") from None


def _named_rows(path: Path) -> Iterator[Row]:
    rows = _cells(path, quoted=True)
    _, names = next(rows)
    for where, cells in rows:
        if len(cells) != len(names):
            raise EvalError(f"{where}: {len(cells)} columns, its header names {len(names)}; {_AGAIN}, or mend this row")
        yield Row(dict(zip(names, cells, strict=True)), where)


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield _object(_parsed(line, f"{path}, line {number}"), f"{path}, line {number}")


def _json_rows(path: Path) -> Iterator[Row]:
    """A list of objects, or an object of objects by id, which is then the column `id`."""
    content = read_json(path)
    if isinstance(content, list):
        return (_object(entry, f"{path}, entry {number}") for number, entry in enumerate(content, 1))
    if isinstance(content, dict) and all(isinstance(entry, dict) for entry in content.values()):
        return (Row({"id": name} | entry, f"{path}, entry {name}") for name, entry in content.items())
    raise EvalError(f"{path}: holds {type(content).__name__}, expected a list of objects")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvalError(f"{where}: not readable JSON ({error}); the file may be cut short, {_AGAIN}") from None


def _object(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise EvalError(f"{where}: holds {type(value).__name__}, expected an object")
    return Row(value, where)


def _arrow_rows(path: Path, read: Callable[[bytes], pa.Table]) -> Iterator[Row]:
    try:
        table = read(read_bytes(path))
        rows = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise EvalError(f"{path}: cannot be read, it is damaged or only partly downloaded ({first_line}); {_AGAIN}") from None
    return (Row(values, f"{path}, row {number}") for number, values in enumerate(rows, 1))


def _arrow_table(data: bytes) -> pa.Table:
    """A table in the stream format, as the library datasets writes it, or in the file format."""
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return opened(pa.BufferReader(data)).read_all()
