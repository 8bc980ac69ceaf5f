"""OLMo's and dolma's token files: `NAME.npy`, raw ids without NumPy's header, and `NAME.csv.gz`, one line per document.

A line is `start,end,id,source,location`, where `start:end` are tokens of the file. As `source` we write the document's source label, as `location`
the index of the document in our set.
"""

import csv
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import xxhash
from numpy.typing import NDArray

from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.documents import documents_of
from tokenize_tools.exchange.facts import ExchangeFacts
from tokenize_tools.exchange.folder import ExportFolder
from tokenize_tools.exchange.parts import Part, ends_at, known_ends, map_ids

DTYPES = ("uint8", "uint16", "uint32", "uint64")
_COLUMNS = ("start", "end", "id", "source", "location")
_NO_HEADER = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DIGITS = np.full(256, 255, np.uint8)
_DIGITS[_HEX] = np.arange(16)


def write(tokens: ShardSet, folder: ExportFolder, report: Callable[[int, int], None]) -> None:
    """Write an `.npy` and a `.csv.gz` for each file of the set; call `report(documents, tokens)` with the progress."""
    location = 0
    for number, table in enumerate(tokens.tables()):
        name, n_tokens = f"part-{number:05d}", 0
        # The gzip header has no time and no name, so that equal sets give equal bytes.
        with (
            folder.open(f"{name}.npy") as sink,
            folder.open(f"{name}.csv.gz") as packed,
            gzip.GzipFile("", "wb", fileobj=cast(IO[bytes], packed), mtime=0) as text,
        ):
            for documents in documents_of(table):
                sink.write(np.ascontiguousarray(documents.values))
                numbers = pa.array(np.arange(location, location + len(documents.lengths)))
                bounds = pa.array(n_tokens + documents.offsets)
                lines = pa.table([bounds[:-1], bounds[1:], hex_ids(documents.doc_ids), documents.sources, numbers], names=_COLUMNS)
                pa_csv.write_csv(lines, text, _NO_HEADER)
                n_tokens, location = n_tokens + len(documents.values), location + len(documents.lengths)
                report(len(documents.lengths), len(documents.values))


def hex_ids(ids: NDArray[np.uint8]) -> pa.StringArray:
    """(n, 16) bytes as (n,) strings of 32 hexadecimal digits."""
    digits = np.stack([_HEX[ids >> 4], _HEX[ids & 15]], axis=-1)
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits)))


def find(path: Path) -> list[Path]:
    """The `.npy` files of a path: itself, or all in a folder."""
    if path.is_dir():
        return sorted(path.rglob("*.npy"))
    return [path] if path.suffix == ".npy" and path.is_file() else []


def read(path: Path, facts: ExchangeFacts, dtype: str | None) -> Part:
    """One `.npy` file. `dtype=None` reads the smallest type that holds the tokenizer's ids. Without a `.csv.gz`, documents end at the eos.

    Raises TokenizeError for a NumPy header, or an index that does not match the data.
    """
    with path.open("rb") as handle:
        if handle.read(6) == b"\x93NUMPY":
            raise TokenizeError(f"{path}: has a NumPy header; OLMo's .npy files are raw ids (write arrays saved by np.save again with ndarray.tofile)")
    values = map_ids(path, np.dtype(dtype or np.min_scalar_type(facts.n_vocab - 1)).newbyteorder("<"))
    index = path.with_name(path.name.removesuffix(".npy") + ".csv.gz")
    if not index.exists():
        ends = ends_at(values, facts.needed_eos(f"{path}: has no {index.name}"))
        return Part(path, values, len(ends), known_ends(ends), ends_from=f"eos id {facts.eos_id}")
    lines = _read_lines(index)
    ends = _ends(index, lines, path, values)
    doc_ids = doc_ids_of(lines["id"].combine_chunks()) if "id" in lines.column_names else None
    sources = lines["source"].combine_chunks() if "source" in lines.column_names else None
    return Part(path, values, len(ends), known_ends(ends), doc_ids, sources)


def _read_lines(path: Path) -> pa.Table:
    types: dict[str, Any] = {"start": pa.int64(), "end": pa.int64(), "id": pa.string(), "source": pa.string(), "location": pa.string()}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            n_columns = len(next(csv.reader(lines), ()))
        if not n_columns:
            return pa.table({name: pa.array([], kind) for name, kind in types.items()})
        if n_columns not in (2, len(_COLUMNS)):
            raise TokenizeError(f"{path}: {n_columns} columns, expected start,end or start,end,id,source,location")
        convert = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False)
        with gzip.open(path) as packed:
            return pa_csv.read_csv(packed, pa_csv.ReadOptions(column_names=_COLUMNS[:n_columns]), convert_options=convert)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise TokenizeError(f"{path}: not a readable index of documents ({error})") from None


def _ends(index: Path, lines: pa.Table, path: Path, values: NDArray[Any]) -> NDArray[np.int64]:
    starts, ends = lines["start"].to_numpy(), lines["end"].to_numpy()
    if len(ends) and (starts[0] != 0 or (starts[1:] != ends[:-1]).any()):
        raise TokenizeError(f"{index}: documents do not follow one another from token 0; every token of {path.name} must be in one document")
    last = int(ends[-1]) if len(ends) else 0
    if last != len(values):
        raise TokenizeError(
            f"{index}: documents end at token {last:,}, but {path.name} has {len(values):,} ids if they are {values.dtype.name}; "
            "one of the two is truncated or belongs to another set, or the ids have another type (--dtype)"
        )
    return ends


def doc_ids_of(names: pa.StringArray) -> NDArray[np.uint8] | None:
    """(n, 16) uint8 document ids from the names in one file; None if all names are empty.

    If all names have 32 hexadecimal digits, they are ids written by `hex_ids`. Otherwise an id is the xxh3-128 of the name.
    """
    lengths = pc.binary_length(names).to_numpy()
    if not lengths.any():
        return None
    if (lengths == 32).all():
        first = names.offset * 32
        digits = _DIGITS[np.frombuffer(names.buffers()[2], np.uint8)[first : first + len(names) * 32].reshape(-1, 32)]
        if (digits < 16).all():
            return (digits[:, ::2] << 4 | digits[:, 1::2]).astype(np.uint8)
    return np.frombuffer(b"".join(map(xxhash.xxh3_128_digest, names.to_pylist())), np.uint8).reshape(-1, 16)
