"""The result of the readers of all formats: memory-mapped files of ids, and where their documents end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tokenize_tools.errors import TokenizeError

_CHUNK_DOCUMENTS = 1 << 18
_CHUNK_TOKENS = 1 << 24


class Part(NamedTuple):
    """One file of ids. `ends(start, stop)` gives where documents `start:stop` end in it, (stop - start,) int64."""

    file: Path
    values: NDArray[Any]
    """(n_tokens,) of any integer type"""
    n_documents: int
    ends: Callable[[int, int], NDArray[np.int64]]
    doc_ids: NDArray[np.uint8] | None = None
    """(n_documents, 16) uint8, if the file has them"""
    sources: pa.StringArray | None = None
    """(n_documents,) labels, if the file has them"""
    ends_from: str = "index"
    """What determines where documents end"""


class Piece(NamedTuple):
    """Documents `first:first + len(offsets) - 1` of a part: `values[offsets[i]:offsets[i + 1]]`, offsets from 0."""

    first: int
    values: NDArray[Any]
    offsets: NDArray[np.int64]


def pieces(part: Part) -> Iterator[Piece]:
    """A part's documents in pieces of bounded numbers of documents and tokens; a longer document is a piece of its own.

    Raises TokenizeError if documents are not consecutive.
    """
    done = 0
    for start in range(0, part.n_documents, _CHUNK_DOCUMENTS):
        stop = min(start + _CHUNK_DOCUMENTS, part.n_documents)
        bounds = np.concatenate([[done], part.ends(start, stop)])
        if (np.diff(bounds) < 0).any() or bounds[-1] > len(part.values):
            raise TokenizeError(f"{part.file}: documents {start:,} to {stop:,} do not follow one another in its {len(part.values):,} tokens; write it again")
        first = 0
        while first < stop - start:
            last = int(np.searchsorted(bounds, bounds[first] + _CHUNK_TOKENS, side="right")) - 1
            last = min(max(last, first + 1), stop - start)
            yield Piece(start + first, part.values[bounds[first] : bounds[last]], bounds[first : last + 1] - bounds[first])
            first = last
        done = int(bounds[-1])


def map_ids(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A file of raw ids, memory-mapped. Raises TokenizeError if it is missing or is not a whole number of ids."""
    if not path.is_file():
        raise TokenizeError(f"{path}: no such file; it must have the ids of the index beside it")
    n_bytes = path.stat().st_size
    if n_bytes % dtype.itemsize:
        raise TokenizeError(f"{path}: {n_bytes:,} bytes are not a whole number of {dtype.name} ids; the file is truncated, or its ids have another type")
    return np.memmap(path, dtype, "r") if n_bytes else np.empty(0, dtype)


def ends_at(values: NDArray[Any], eos_id: int) -> NDArray[np.int64]:
    """Ends of documents if each ends with the eos, (n_documents,) int64. Tokens after the last eos are a document, too."""
    chunk_ends = [np.flatnonzero(values[start : start + _CHUNK_TOKENS] == eos_id) + start + 1 for start in range(0, len(values), _CHUNK_TOKENS)]
    ends = np.concatenate([np.empty(0, np.int64), *chunk_ends]).astype(np.int64)
    return ends if len(values) == (ends[-1] if len(ends) else 0) else np.append(ends, len(values))


def known_ends(ends: NDArray[Any]) -> Callable[[int, int], NDArray[np.int64]]:
    """`Part.ends` from an array of all ends."""
    return lambda start, stop: ends[start:stop].astype(np.int64)
