"""datatrove's tokenized files, which nanotron's Nanoset reads (`datatrove/pipeline/tokens/tokenizer.py`).

`NAME.ds`: ids as little-endian uint16 or uint32. `NAME.ds.index`: the end of each document in tokens, uint64. `NAME.ds.metadata`: three lines, which
are `tokenizer|bytes per id`, the number of tokens, and that number in human-readable form.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.documents import documents_of, token_dtype
from tokenize_tools.exchange.facts import ExchangeFacts
from tokenize_tools.exchange.folder import ExportFolder
from tokenize_tools.exchange.parts import Part, ends_at, known_ends, map_ids

_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def write(tokens: ShardSet, folder: ExportFolder, report: Callable[[int, int], None]) -> None:
    """Write a `.ds` with index and metadata for each file of the set; call `report(documents, tokens)` with the progress."""
    dtype, label = token_dtype(tokens), tokens.manifest.info.get("tokenizer", "unknown")
    for number, table in enumerate(tokens.tables()):
        name, n_tokens = f"{number:05d}_tokens.ds", 0
        with folder.open(name) as sink, folder.open(f"{name}.index") as index:
            for documents in documents_of(table):
                sink.write(np.ascontiguousarray(documents.values))
                index.write((n_tokens + documents.offsets[1:]).astype("<u8"))
                n_tokens += len(documents.values)
                report(len(documents.lengths), len(documents.values))
        with folder.open(f"{name}.metadata") as metadata:
            metadata.write(f"{label}|{dtype.itemsize}\n{n_tokens}\n{_for_people(n_tokens)}".encode())


def _for_people(n_tokens: int) -> str:
    """Three digits and an SI prefix, e.g. `12.3 kT`."""
    digits, power = f"{n_tokens:.2e}".split("e")
    prefix, left = divmod(int(power), 3)
    return f"{float(digits) * 10**left:.{2 - left}f} {_PREFIXES[prefix]}T"


def find(path: Path) -> list[Path]:
    """The `.ds` files of a path: itself, or all in a folder."""
    if path.is_dir():
        return sorted(path.rglob("*.ds"))
    return [path] if path.suffix == ".ds" and path.is_file() else []


class _Metadata(NamedTuple):
    id_bytes: int
    n_tokens: int


def read(path: Path, facts: ExchangeFacts) -> Part:
    """One `.ds` file. Without metadata, the tokenizer decides the width of ids. Without an index, documents end at the eos.

    Raises TokenizeError for metadata or an index that does not match the data.
    """
    metadata = _read_metadata(Path(f"{path}.metadata"))
    width = metadata.id_bytes if metadata else facts.id_bytes
    values = map_ids(path, np.dtype(f"<u{width}"))
    if metadata and metadata.n_tokens != len(values):
        raise TokenizeError(
            f"{path}: {len(values):,} ids of {width} bytes, but its metadata says {metadata.n_tokens:,}; it is truncated, or belongs to another set"
        )
    index = Path(f"{path}.index")
    if not index.exists():
        ends = ends_at(values, facts.needed_eos(f"{path}: has no .index"))
        return Part(path, values, len(ends), known_ends(ends), ends_from=f"eos id {facts.eos_id}")
    ends = map_ids(index, np.dtype("<u8"))
    if (ends[-1] if len(ends) else 0) != len(values):
        last = int(ends[-1]) if len(ends) else 0
        raise TokenizeError(
            f"{index}: documents end at token {last:,}, but {path.name} has {len(values):,}; one of the two is truncated or belongs to another set"
        )
    return Part(path, values, len(ends), known_ends(ends))


def _read_metadata(path: Path) -> _Metadata | None:
    try:
        first, second = path.read_text(encoding="utf-8").splitlines()[:2]
        metadata = _Metadata(int(first.rsplit("|", 1)[1]), int(second))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, IndexError):
        raise TokenizeError(
            f"{path}: not datatrove's metadata (`tokenizer|bytes per id`, then the number of tokens); delete it to import without metadata"
        ) from None
    if metadata.id_bytes not in (2, 4):
        raise TokenizeError(f"{path}: {metadata.id_bytes} bytes per id; datatrove writes 2 or 4")
    return metadata
