"""Megatron-LM's indexed dataset (`megatron/core/datasets/indexed_dataset.py`): ids in `NAME.bin`, their offsets in `NAME.idx`.

`.idx`, little-endian: 9 magic bytes, version 1 (uint64), code of the ids' type (uint8), number of sequences (uint64), number of documents + 1
(uint64); then the length of each sequence (int32), the byte offset of each sequence (int64), and the first sequence of each document followed by
the number of sequences (int64). We write one sequence per document, and read a document of several sequences as one.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.documents import all_documents, longest, token_dtype
from tokenize_tools.exchange.folder import ExportFolder
from tokenize_tools.exchange.parts import Part, map_ids

_MAGIC = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQQ")
_TYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float64", 7: "float32", 8: "uint16"}
_CODES = {"uint16": 8, "uint32": 4}
"""Codes of our types. There is none for uint32, so these ids are written as int32."""
_CHUNK = 1 << 20


def write(tokens: ShardSet, folder: ExportFolder, report: Callable[[int, int], None]) -> None:
    """Write `tokens.bin` and `tokens.idx`; call `report(documents, tokens)` with the progress. Raises TokenizeError for lengths or ids above int32."""
    dtype = token_dtype(tokens)
    if longest(tokens) > np.iinfo(np.int32).max:
        raise TokenizeError(f"{tokens.folder}: a document has {longest(tokens):,} tokens, but Megatron stores lengths as int32; split it before tokenizing")
    if tokens.manifest.info.get("n_vocab", 0) > 1 << 31:
        raise TokenizeError(f"{tokens.folder}: ids of {tokens.manifest.info['n_vocab']:,} do not fit in Megatron's int32")
    with folder.open("tokens.bin") as sink:
        for documents in all_documents(tokens):
            sink.write(np.ascontiguousarray(documents.values))
            report(len(documents.lengths), len(documents.values))
    n_docs = tokens.manifest.n_rows
    with folder.open("tokens.idx") as sink:
        sink.write(_HEADER.pack(_MAGIC, 1, _CODES[dtype.name], n_docs, n_docs + 1))
        for documents in all_documents(tokens):
            sink.write(documents.lengths.astype("<i4"))
        first = 0
        for documents in all_documents(tokens):
            sink.write(((first + documents.offsets[:-1]) * dtype.itemsize).astype("<i8"))
            first += len(documents.values)
        for start in range(0, n_docs + 1, _CHUNK):
            sink.write(np.arange(start, min(start + _CHUNK, n_docs + 1), dtype="<i8"))


def find(path: Path) -> list[Path]:
    """The `.idx` files of a path: itself, the one beside a `.bin`, the one of a prefix, or all in a folder."""
    for index in (path, path.with_name(path.name.removesuffix(".bin") + ".idx")):
        if index.suffix == ".idx" and index.is_file():
            return [index]
    return sorted(path.rglob("*.idx")) if path.is_dir() else []


class _Index(NamedTuple):
    """The three arrays of an `.idx` file, memory-mapped."""

    dtype: np.dtype
    lengths: NDArray[np.int32]
    pointers: NDArray[np.int64]
    documents: NDArray[np.int64]


def read(index: Path) -> Part:
    """One `.bin` and `.idx` pair. Raises TokenizeError for wrong magic bytes, truncation, or an index that does not match the data."""
    arrays = _read_index(index)
    data = index.with_suffix(".bin")
    values = map_ids(data, arrays.dtype)
    _check(index, data, arrays, len(values))
    width, n_tokens = arrays.dtype.itemsize, len(values)

    def ends(start: int, stop: int) -> NDArray[np.int64]:
        following = arrays.documents[start + 1 : stop + 1]
        starts = arrays.pointers[np.minimum(following, len(arrays.pointers) - 1)] // width
        return np.where(following < len(arrays.pointers), starts, n_tokens)

    return Part(data, values, len(arrays.documents) - 1, ends)


def _read_index(path: Path) -> _Index:
    raw = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    if raw[:9].tobytes() != _MAGIC:
        raise TokenizeError(f"{path}: not a Megatron index: its first bytes are {raw[:9].tobytes()!r}, not {_MAGIC!r}")
    if len(raw) < _HEADER.size:
        raise TokenizeError(f"{path}: truncated: {len(raw)} bytes, less than its header")
    _, version, code, n_sequences, n_ends = _HEADER.unpack(raw[: _HEADER.size].tobytes())
    if version != 1 or not np.issubdtype(np.dtype(_TYPES.get(code, "float32")), np.integer):
        raise TokenizeError(f"{path}: version {version}, type code {code} ({_TYPES.get(code, 'unknown')}); token ids need version 1 and a whole-number type")
    sizes = (4 * n_sequences, 8 * n_sequences, 8 * n_ends)
    needed = _HEADER.size + sum(sizes)
    if len(raw) == needed + n_sequences != needed:
        raise TokenizeError(f"{path}: a multimodal index (it has a mode for each sequence); only sets of tokens can be imported")
    if len(raw) != needed:
        raise TokenizeError(f"{path}: {len(raw):,} bytes, but {n_sequences:,} sequences and {n_ends:,} ends of documents take {needed:,}; truncated?")
    bounds = np.cumsum([_HEADER.size, *sizes])
    arrays = [raw[low:high].view(kind) for low, high, kind in zip(bounds[:-1], bounds[1:], ("<i4", "<i8", "<i8"), strict=True)]
    return _Index(np.dtype(_TYPES[code]), *arrays)


def _check(path: Path, data: Path, index: _Index, n_tokens: int) -> None:
    width, end = index.dtype.itemsize, 0
    for start in range(0, len(index.lengths), _CHUNK):
        lengths = index.lengths[start : start + _CHUNK].astype(np.int64)
        expected = end + np.cumsum(lengths * width) - lengths * width
        if (lengths < 0).any() or (index.pointers[start : start + _CHUNK] != expected).any():
            raise TokenizeError(f"{path}: sequences do not follow one another in {data.name}, so the index does not match it; write the pair again")
        end += int(lengths.sum()) * width
    if end != n_tokens * width:
        raise TokenizeError(
            f"{path}: the index covers {end:,} bytes, but {data.name} has {n_tokens * width:,}; one of the two is truncated or belongs to another set"
        )
    last = 0
    for start in range(0, len(index.documents), _CHUNK):
        firsts = index.documents[start : start + _CHUNK]
        if firsts[0] < last or (np.diff(firsts) < 0).any():
            raise TokenizeError(f"{path}: documents do not follow one another; write the pair again")
        last = int(firsts[-1])
    if not len(index.documents) or index.documents[0] or last != len(index.lengths):
        raise TokenizeError(f"{path}: documents end at sequence {last:,}, but there are {len(index.lengths):,}; write the pair again")
