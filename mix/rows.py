"""Packed rows of a source: written once for all mixes that draw from them.

A rows set depends on the tokens sets, on the packing and, if requested, on columns of the documents. Each window of documents is a task: packed,
gathered into rows by numba straight from the memory-mapped tokens, committed. So a killed build resumes, and any number of workers gives the same
bytes.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from mix.arrange import ArrangedSource
from mix.draws import ShortRows, joined, short_rows
from mix.errors import MixError
from mix.pack import Packer, Packing
from mix.sources import WINDOW_DOCUMENTS, DocumentWindow, TokenizerFacts, TokenSource
from shards.console import progress
from shards.errors import ShardError
from shards.lock import folder_lock, forget_lock
from shards.manifest import MANIFEST_NAME, Manifest, commit_manifest, looks_sound, read_manifest
from shards.names import Count
from shards.read import ShardSet
from shards.record import json_hash
from shards.schemas import DOC_ID, rows_schema
from shards.stages import Stage, remove_stages, run_tasks
from shards.write import claim_data, open_for_writing, refuse_other_kind

PACKING_VERSION = 1
ROWS_PER_FILE = 1 << 18
_BATCH_BYTES = 1 << 24
_STAGES = r".+-[0-9a-f]{16}"


class PackedSource(NamedTuple):
    """What planning needs to know of a source that is packed into rows of `row_tokens` tokens."""

    name: str
    row_tokens: int
    n_documents: int
    n_split_documents: int
    """documents in more than one piece"""
    n_rows: int
    n_tokens: int
    """real tokens"""
    short: ShortRows
    """rows that are not full"""


class Packable(NamedTuple):
    """A source and how it is packed; a source whose stages have rows of several lengths is packed once for each."""

    source: TokenSource
    packer: Packer


@dataclass(frozen=True)
class _Task:
    """One window of a source to be packed into a stage's folder."""

    name: str
    folders: tuple[Path, ...]
    window: int
    numbers: NDArray[np.int64] | None
    """the window's documents; None unless the source is arranged"""
    packer: Packer
    stage: Path


def pack_lengths(source: TokenSource, packer: Packer) -> PackedSource:
    """Pack lengths alone, reading no token: the rows that `write_rows` would write."""
    n_split, lengths = 0, []
    for index in range(source.n_windows):
        packing = _window_packer(packer, source)(source.window(index).length)
        lengths.append(packing.row_lengths())
        n_split += packing.n_split_documents()
    return _packed(source.name, source.n_documents, n_split, packer.row_tokens, lengths)


def read_packed(name: str, folder: Path) -> PackedSource:
    """The facts of an existing rows set; only the column of row lengths is read."""
    rows = ShardSet(folder, "rows", verify=False)
    info = rows.manifest.info
    lengths = (table.column("n_tokens").to_numpy() for table in rows.tables())
    return _packed(name, info["n_documents"], info["n_split_documents"], info["row_tokens"], lengths)


def _packed(name: str, n_documents: int, n_split: int, row_tokens: int, lengths: Iterable[NDArray[np.int32]]) -> PackedSource:
    n_rows, n_tokens, short = 0, 0, []
    for part in lengths:
        short.append(short_rows(part, row_tokens, n_rows))
        n_rows, n_tokens = n_rows + len(part), n_tokens + int(part.sum(dtype=np.int64))
    return PackedSource(name, row_tokens, n_documents, n_split, n_rows, n_tokens, joined(short))


def rows_key(source: TokenSource, packer: Packer) -> str:
    """16 hexadecimal digits that name the content of a source's rows."""
    return json_hash([_packing_recipe(source, packer), [parent.manifest_hash for parent in source.parents]])[:16]


def has_rows(folder: Path, source: TokenSource, packer: Packer) -> bool:
    """Whether `folder` holds the complete rows of these tokens in this packing, undamaged as far as `looks_sound` can tell."""
    try:
        manifest = read_manifest(folder)
    except ShardError:
        return False
    wanted = manifest.kind == "rows" and manifest.recipe == _packing_recipe(source, packer) and manifest.parents == source.parents
    return wanted and looks_sound(folder, manifest)


def write_rows(packables: Sequence[Packable], folders: Sequence[Path], work: Path, workers: int) -> None:
    """Pack each source into its folder as a rows set; existing sets are left alone.

    Finished tasks are kept under `work`, and the next call resumes from them. Raises MixError for a damaged tokens file.
    """
    missing = _missing(zip(packables, folders, strict=True))
    with ExitStack() as locks:  # several mixes may share these folders: the first packs, and the others wait for its rows
        for parent in sorted({folder.parent for _, folder in missing}):
            locks.enter_context(folder_lock(parent, wait=True))
        missing = _missing(missing)
        for _, folder in missing:
            refuse_other_kind(folder, "rows")
        _write_missing(missing, work, workers)
    for parent in {folder.parent for folder in folders}:
        forget_lock(parent)


def _missing(pairs: Iterable[tuple[Packable, Path]]) -> list[tuple[Packable, Path]]:
    return [(packable, folder) for packable, folder in pairs if not has_rows(folder, *packable)]


def _write_missing(missing: Sequence[tuple[Packable, Path]], work: Path, workers: int) -> None:
    stages = [Stage(work / f"{packable.source.name}-{rows_key(*packable)}") for packable, _ in missing]
    tasks = [
        _task(source, window, _window_packer(packer, source), stage)
        for ((source, packer), _), stage in zip(missing, stages, strict=True)
        for window in range(source.n_windows)
        if not stage.is_done(window)
    ]
    scattered = {tuple(source.folders): source for (source, _), _ in missing if isinstance(source, ArrangedSource)}
    for arranged in scattered.values():  # once for all groups of a split, because they share their sets
        arranged.verify_all()
    for stage in stages:
        stage.sweep()
    with progress("packing rows", len(tasks)) as meter:
        for _, result in run_tasks(_pack_window, tasks, workers, "packing rows"):
            if isinstance(result, Exception):
                raise result
            meter.advance(1, rows=result)
    for ((source, packer), folder), stage in zip(missing, stages, strict=True):
        _commit(source, folder, packer, stage)
    remove_stages(work, _STAGES)


def share_rows(cached: Path, folder: Path) -> None:
    """Make `folder` the same rows set as `cached`, by hard links where the file system supports them."""
    manifest = read_manifest(cached)
    if (folder / MANIFEST_NAME).exists() and read_manifest(folder) == manifest and looks_sound(folder, manifest):
        return
    open_for_writing(folder, "rows")
    claim_data(folder, [file.name for file in manifest.files])
    for file in manifest.files:
        try:
            os.link(cached / file.name, folder / file.name)
        except OSError:
            shutil.copyfile(cached / file.name, folder / file.name)
    commit_manifest(folder, manifest)


def _window_packer(packer: Packer, source: TokenSource) -> Packer:
    return replace(packer, window=source.packing_window)


def _packing_recipe(source: TokenSource, packer: Packer) -> dict[str, Any]:
    recipe = {
        "packing": {"best_fit": "best-fit decreasing", "concat": "concatenate"}[packer.method],
        "version": PACKING_VERSION,
        "window_documents": WINDOW_DOCUMENTS,
        "row_tokens": packer.row_tokens,
    }
    return recipe if source.arrangement is None else recipe | {"arrangement": source.arrangement}


def _task(source: TokenSource, window: int, packer: Packer, stage: Stage) -> _Task:
    numbers = source.numbers[window * WINDOW_DOCUMENTS : (window + 1) * WINDOW_DOCUMENTS] if isinstance(source, ArrangedSource) else None
    return _Task(source.name, tuple(source.folders), window, numbers, packer, stage.folder)


def _commit(source: TokenSource, folder: Path, packer: Packer, stage: Stage) -> None:
    open_for_writing(folder, "rows")
    tasks = range(source.n_windows)
    files = stage.link_into(folder, tasks, "rows")
    recipe = _packing_recipe(source, packer)
    totals = {name: sum(stage.info(task, dict[str, Count])[name] for task in tasks) for name in ("n_split_documents", "n_tokens")}
    info = {"n_documents": source.n_documents, "row_tokens": packer.row_tokens} | totals | source.tokenizers[0]._asdict()
    commit_manifest(folder, Manifest("rows", tuple(files), recipe, json_hash(recipe), source.parents, info))


def _pack_window(task: _Task) -> int:
    """Pack, write and commit one window; returns its number of rows. Runs in a worker process."""
    if task.numbers is None:
        source = TokenSource(task.name, task.folders)
        window, first = source.window(task.window), task.window * WINDOW_DOCUMENTS
        numbers = np.arange(first, first + len(window.length))
    else:
        source = ArrangedSource(task.name, task.folders, task.numbers, 0, {}, ())
        window, numbers = source.window(0), task.numbers
    packing, row_tokens = task.packer(window.length), task.packer.row_tokens
    tokenizer = source.tokenizers[0]
    Stage(task.stage).commit(
        task.window,
        {"rows": _batches(window, packing, row_tokens, tokenizer, lambda document: _location(source, int(numbers[document])))},
        {"rows": rows_schema(tokenizer.id_bytes, row_tokens)},
        {"n_split_documents": packing.n_split_documents(), "n_tokens": int(window.length.sum())},
        rows_per_file=ROWS_PER_FILE,
        compression=None,
    )
    return packing.n_rows


def pad_id_of(tokenizer: TokenizerFacts) -> int:
    """The id that fills rows: the tokenizer's padding token, or else its end-of-text token. Raises MixError if it has neither."""
    for token in (tokenizer.pad_id, tokenizer.eos_id):
        if token is not None:
            return token
    raise MixError("the tokenizer has neither a pad_id nor an eos_id to fill rows with; tokenize with an eos token")


def _location(source: TokenSource, document: int) -> str:
    """Location of a source's document: the set and the row in it."""
    for tokens in source.sets:
        if document < tokens.manifest.n_rows:
            return f"source {source.name}: {tokens.folder}: row {document:,}"
        document -= tokens.manifest.n_rows
    raise IndexError(document)


def _batches(window: DocumentWindow, packing: Packing, row_tokens: int, tokenizer: TokenizerFacts, locate: Callable[[int], str]) -> Iterator[pa.RecordBatch]:
    n_rows = max(1, _BATCH_BYTES // (row_tokens * tokenizer.id_bytes))
    for first in range(0, packing.n_rows, n_rows):
        yield _batch(window, packing, first, min(first + n_rows, packing.n_rows), row_tokens, tokenizer, locate)


def _batch(
    window: DocumentWindow, packing: Packing, first: int, last: int, row_tokens: int, tokenizer: TokenizerFacts, locate: Callable[[int], str]
) -> pa.RecordBatch:
    """Rows `[first, last)` of a packing. Raises MixError for an id that the tokenizer lacks; `locate` describes where a window's document was read."""
    schema = rows_schema(tokenizer.id_bytes, row_tokens)
    offsets = packing.row_offsets[first : last + 1]
    pieces = slice(offsets[0], offsets[-1])
    doc, start, length = packing.doc[pieces], packing.start[pieces], packing.length[pieces]
    ids = _gather(window, doc, start, length, offsets - offsets[0], row_tokens, pad_id_of(tokenizer), tokenizer.id_bytes)
    unknown = _first_unknown(ids, tokenizer.n_vocab)
    if unknown is not None:
        row, column = unknown
        row_pieces = slice(offsets[row] - offsets[0], offsets[row + 1] - offsets[0])
        piece = int(np.searchsorted(np.cumsum(length[row_pieces]), column, side="right"))
        raise MixError(
            f"{locate(int(doc[row_pieces][piece]))} holds id {ids[row, column]:,}, but the tokenizer has ids 0 to {tokenizer.n_vocab - 1:,}; "
            "make the set again with the tokenizer that its manifest names"
        )
    segment_offsets = pa.array((offsets - offsets[0]).astype(np.int32))
    doc_ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(doc), [None, pa.py_buffer(np.ascontiguousarray(window.doc_id[doc]))])
    segments = (pa.array(length), doc_ids, pa.array(start), pa.array(np.zeros(len(doc), np.int16)))
    lists = [pa.ListArray.from_arrays(segment_offsets, column) for column in segments]
    n_tokens = np.add.reduceat(length, offsets[:-1] - offsets[0], dtype=np.int32)
    return pa.record_batch([pa.FixedSizeListArray.from_arrays(pa.array(ids.ravel()), row_tokens), *lists, pa.array(n_tokens)], schema=schema)


def _first_unknown(ids: NDArray[Any], n_vocab: int) -> tuple[int, int] | None:
    """Row and column of the first id of `n_vocab` or more, which an embedding table does not hold."""
    if not ids.size or n_vocab > np.iinfo(ids.dtype).max or int(ids.max()) < n_vocab:
        return None
    row, column = np.unravel_index(int(np.argmax(ids >= n_vocab)), ids.shape)
    return int(row), int(column)


def _gather(
    window: DocumentWindow,
    doc: NDArray[np.int64],
    start: NDArray[np.int64],
    length: NDArray[np.int32],
    row_offsets: NDArray[np.int64],
    row_tokens: int,
    pad_id: int,
    id_bytes: int,
) -> NDArray[Any]:
    """(n_rows, row_tokens) token ids: each piece after the one before it in its row, the rest `pad_id`."""
    n_rows = len(row_offsets) - 1
    ids = np.full((n_rows, row_tokens), pad_id, dtype=f"uint{8 * id_bytes}")
    before = np.concatenate([[0], np.cumsum(length, dtype=np.int64)])
    row = np.repeat(np.arange(n_rows), np.diff(row_offsets))
    target = row * row_tokens + before[:-1] - before[row_offsets[row]]
    source = window.begin[doc] + start
    order = np.argsort(window.chunk[doc], kind="stable")
    bounds = np.searchsorted(window.chunk[doc][order], np.arange(len(window.values) + 1))
    for chunk, values in enumerate(window.values):
        pieces = order[bounds[chunk] : bounds[chunk + 1]]
        if len(pieces):
            _copy(ids.reshape(-1), values, target[pieces], source[pieces], length[pieces])
    return ids


@njit(cache=True, nogil=True)
def _copy(out, values, target, source, length):  # type: ignore[no-untyped-def]
    for piece in range(len(target)):
        for token in range(length[piece]):
            out[target[piece] + token] = values[source[piece] + token]
