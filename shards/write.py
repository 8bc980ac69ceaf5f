"""Writing shard sets: Arrow IPC files under temporary names, renamed when complete."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from shards.atomic import as_shard_error, sync_folder, write_atomically
from shards.errors import ShardError
from shards.folder import append_names, foreign, read_names, remove_temporaries
from shards.lock import make_folder
from shards.manifest import MANIFEST_NAME, UNFINISHED_NAME, Manifest, Parent, ShardFile, commit_manifest
from shards.record import parse_record

DATA_NAMES = re.compile(r"[a-z_]+(-\d{5,}){1,2}\.arrow")
"""Names of a set's data files."""
_ARROW = b"ARROW1"
_SET_NAMES = re.compile(rf"{DATA_NAMES.pattern}|{re.escape(MANIFEST_NAME)}|{re.escape(UNFINISHED_NAME)}")


class HashingFile:
    """A binary sink that hashes what it writes, so that the checksum needs no second read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with as_shard_error(path):
            self._handle = path.open("wb", buffering=0)
        self._digest = xxhash.xxh3_128()
        self.n_bytes = 0

    closed = False

    def write(self, data: Any) -> int:
        """Write any buffer completely. Raises ShardError if the disk is full."""
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self.n_bytes += view.nbytes
        with as_shard_error(self._path):
            written = 0
            while written < view.nbytes:
                written += self._handle.write(view[written:])
        return view.nbytes

    def tell(self) -> int:
        """Bytes written so far."""
        return self.n_bytes

    def flush(self) -> None:
        """Does nothing: writes are unbuffered."""

    def seekable(self) -> bool:
        """False: the checksum is computed in writing order."""
        return False

    def readable(self) -> bool:
        """False."""
        return False

    def writable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """fsync and close. Raises ShardError if the disk is full."""
        if not self.closed:
            self.closed = True
            with as_shard_error(self._path), self._handle:
                os.fsync(self._handle.fileno())

    def discard(self) -> None:
        """Close without checking that the bytes reached the disk."""
        self.closed = True
        self._handle.close()

    def checksum(self) -> str:
        """xxh3-128 of what was written, 32 hexadecimal digits."""
        return self._digest.hexdigest()


class ShardWriter:
    """Writes record batches to `<folder>/<prefix>-00000.arrow`, `-00001`, … with at most `rows_per_file` rows each.

    Use as a context manager. Leaving it by an exception leaves no file under a final name. The same batches give the same bytes. `compression` is
    "zstd" (text) or None (tokens, so that files can be memory-mapped). With `token_column`, the values of that list column are counted into each
    file's `n_tokens`.
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        *,
        prefix: str = "part",
        rows_per_file: int = 1 << 20,
        compression: str | None = "zstd",
        token_column: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.schema = schema
        self.prefix = prefix
        self.rows_per_file = rows_per_file
        self.token_column = token_column
        self._options = pa.ipc.IpcWriteOptions(compression=compression)
        self._files: list[ShardFile] = []
        self._sink: HashingFile | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._n_rows = 0
        self._n_tokens = 0

    def __enter__(self) -> "ShardWriter":
        make_folder(self.folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.close()
        except BaseException:
            self._abandon()
            raise
        if kind is not None:
            self._abandon()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of exactly the writer's schema, split where a file is full. Raises ShardError for another schema."""
        if batch.schema != self.schema:
            raise ShardError(f"{self.folder}: a batch has columns {batch.schema.names}, the set has {self.schema.names}")
        start = 0
        while start < batch.num_rows:
            if self._writer is None:
                self._open()
            piece = batch.slice(start, self.rows_per_file - self._n_rows)
            self._append(piece)
            start += piece.num_rows
            if self._n_rows >= self.rows_per_file:
                self._finish()

    def close(self) -> list[ShardFile]:
        """Finish the last file and return all files. A writer that got no rows writes one empty file."""
        if self._writer is None and not self._files:
            self._open()
        if self._writer is not None:
            self._finish()
            sync_folder(self.folder)
        return list(self._files)

    def _append(self, piece: pa.RecordBatch) -> None:
        assert self._writer is not None
        self._writer.write_batch(piece)
        self._n_rows += piece.num_rows
        if self.token_column:
            self._n_tokens += pc.sum(pc.list_value_length(piece.column(self.token_column))).as_py() or 0

    def _name(self) -> str:
        return f"{self.prefix}-{len(self._files):05d}.arrow"

    def _temporary(self) -> Path:
        return self.folder / f".{self._name()}.{os.getpid()}.tmp"

    def _open(self) -> None:
        make_folder(self.folder)
        claim_data(self.folder, [self._name()])
        self._sink = HashingFile(self._temporary())
        self._writer = pa.ipc.new_file(self._sink, self.schema, options=self._options)
        self._n_rows = self._n_tokens = 0

    def _finish(self) -> None:
        assert self._writer is not None and self._sink is not None
        self._writer.close()
        self._sink.close()
        name = self._name()
        os.replace(self._temporary(), self.folder / name)
        n_tokens = self._n_tokens if self.token_column else None
        self._files.append(ShardFile(name, self._n_rows, self._sink.n_bytes, self._sink.checksum(), n_tokens))
        self._writer = self._sink = None

    def _abandon(self) -> None:
        if self._sink is not None:
            self._sink.discard()
            self._temporary().unlink(missing_ok=True)
        for file in self._files:
            (self.folder / file.name).unlink(missing_ok=True)


def refuse_other_kind(folder: Path, kind: str) -> None:
    """Raise ShardError if a set of `kind` cannot be written to `folder`: it is a file, holds a set of another kind, or a foreign file that a set
    would overwrite.

    Foreign are a `manifest.json` that is not a set's, and data files with names like ours that no record lists.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ShardError(f"{folder}: is a file, and a set of {kind} is a folder; give another folder")
    existing = _kind_of(folder / MANIFEST_NAME)
    if existing == "":
        raise ShardError(foreign(folder / MANIFEST_NAME))
    if existing not in (None, kind):
        raise ShardError(f"{folder}: holds a set of {existing}, which a set of {kind} would replace; give another folder")
    ours = _data_files(folder)
    for path in sorted(folder.glob("*.arrow")):
        if DATA_NAMES.fullmatch(path.name) and path.name not in ours:
            raise ShardError(foreign(path))


def open_for_writing(folder: Path, kind: str) -> None:
    """Prepare `folder` for a set of `kind`: unreadable, without a manifest, and without the files of an older set.

    Those are the files that its manifest lists, or the record of a killed write; nothing else in the folder is touched. Raises ShardError as
    `refuse_other_kind`.
    """
    folder = Path(folder)
    refuse_other_kind(folder, kind)
    make_folder(folder)
    ours = sorted(_data_files(folder))
    if ours:
        write_atomically(folder / UNFINISHED_NAME, "".join(json.dumps(name) + "\n" for name in ours).encode())
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    for name in ours:
        (folder / name).unlink(missing_ok=True)
    remove_temporaries(folder, _SET_NAMES)
    write_atomically(folder / UNFINISHED_NAME, b"")


def claim_data(folder: Path, names: Iterable[str]) -> None:
    """Record the names of a set's data files before they are written. Raises ShardError if a foreign file has one of the names.

    Does nothing in a folder that was not opened for writing, such as a stage's, whose record is the task's commit.
    """
    record = Path(folder) / UNFINISHED_NAME
    if not record.exists():
        return
    for name in names:
        if os.path.lexists(Path(folder) / name):
            raise ShardError(foreign(Path(folder) / name))
    append_names(record, names)


def remove_set(folder: Path, kind: str) -> None:
    """Delete a set of `kind`: what its records list, and the folder if that leaves it empty. Does nothing if there is no set."""
    folder = Path(folder)
    if folder.is_dir() and (_kind_of(folder / MANIFEST_NAME) == kind or (folder / UNFINISHED_NAME).exists()):
        open_for_writing(folder, kind)
        (folder / UNFINISHED_NAME).unlink()
        with suppress(OSError):
            folder.rmdir()


def _kind_of(manifest: Path) -> str | None:
    """The kind in a manifest; None if it is missing or a damaged one of ours; "" if it is foreign."""
    try:
        text = manifest.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""
    if _is_damaged(manifest):
        return None
    kind = re.search(rb'"kind": *"(\w+)"', text)
    return kind[1].decode() if kind and _has_our_words(text) else ""


def _is_damaged(manifest: Path) -> bool:
    """Whether a manifest of ours, or a file that is not JSON, is unreadable and lies beside data files like ours."""
    try:
        data = manifest.read_bytes()
    except OSError:
        return False
    if _has_our_words(data):
        try:
            parse_record(data, str(manifest), dict[str, Any])
            return False
        except ShardError:
            return bool(_arrow_files(manifest.parent))
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return bool(_arrow_files(manifest.parent))
    return False


def _has_our_words(manifest: bytes) -> bool:
    return b'"schema_version"' in manifest and b'"files"' in manifest


def _arrow_files(folder: Path) -> set[str]:
    """Arrow files whose names are like ours."""
    names = set()
    for path in folder.glob("*.arrow"):
        with suppress(OSError):
            if DATA_NAMES.fullmatch(path.name) and _begins_as_arrow(path):
                names.add(path.name)
    return names


def _begins_as_arrow(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(len(_ARROW)) == _ARROW


def _data_files(folder: Path) -> set[str]:
    """Names of a set's data files, from its manifest or from the record of an unfinished one; beside a damaged manifest all files like ours."""
    named = set(read_names(folder / UNFINISHED_NAME))
    for record in (folder / MANIFEST_NAME, folder / UNFINISHED_NAME):  # a kill just before the last rename leaves the manifest under the record's name
        with suppress(OSError):
            named.update(name.decode() for name in re.findall(rb'"name": *"([a-z0-9_.-]+)"', record.read_bytes()))
    return {name for name in named if DATA_NAMES.fullmatch(name)} | (_arrow_files(folder) if _is_damaged(folder / MANIFEST_NAME) else set())


def write_set(
    folder: Path,
    kind: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    recipe: Mapping[str, Any] | None = None,
    recipe_hash: str = "",
    parents: Iterable[Parent] = (),
    info: Mapping[str, Any] | None = None,
    **writer_options: Any,
) -> Manifest:
    """Write a whole set from batches and commit it; replaces an existing set of its kind. Returns its manifest."""
    open_for_writing(folder, kind)
    with ShardWriter(folder, schema, **writer_options) as writer:
        for batch in batches:
            writer.write(batch)
        files = writer.close()
    manifest = Manifest(kind, tuple(files), dict(recipe or {}), recipe_hash, tuple(parents), dict(info or {}))
    commit_manifest(folder, manifest)
    return manifest
