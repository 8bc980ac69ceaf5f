"""Reading shard sets: memory-mapped, each file's checksum verified the first time it is opened."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from shards.errors import ShardError
from shards.manifest import Manifest, Parent, ShardFile, file_problem, read_manifest

_OPENINGS = 3
_RESTORE = "restore the file, or delete its folder and rerun the command that made the set"


class ShardSet:
    """A committed shard set. Raises ShardError on a missing manifest, another kind, a missing or damaged file.

    Opening the set checks that all files exist with the sizes and rows that the manifest states. Checksums are compared when a file is first read,
    and never with `verify=False`, for sets that were verified in the same run. `fetch`, if given, returns the verified path of a file instead of
    the folder; opening then checks no files.
    """

    def __init__(self, folder: Path, kind: str | None = None, *, verify: bool = True, fetch: Callable[[ShardFile], Path] | None = None) -> None:
        self.folder = Path(folder)
        self.manifest: Manifest = read_manifest(self.folder)
        if kind is not None and self.manifest.kind != kind:
            raise ShardError(f"{self.folder}: a set of {self.manifest.kind}, expected {kind}")
        self._verify = verify
        self._fetch = fetch
        self._tables: dict[int, pa.Table] = {}
        if fetch is None:
            for file in self.manifest.files:
                arrow_reader(self._map(file, checksum=False), self.folder / file.name, file.n_rows)

    def __len__(self) -> int:
        return self.manifest.n_rows

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the set's files. Raises ShardError for a set without files."""
        if not self.manifest.files:
            raise ShardError(f"{self.folder}: the set has no data files")
        return self.table(0).schema

    def table(self, index: int) -> pa.Table:
        """The `index`-th file as a memory-mapped table."""
        if index not in self._tables:
            self._tables[index] = self.open_table(index)
        return self._tables[index]

    def open_table(self, index: int) -> pa.Table:
        """The `index`-th file as a memory-mapped table that the set does not cache: the caller owns its memory."""
        file = self.manifest.files[index]
        return read_whole(arrow_reader(self._map(file), self.folder / file.name, file.n_rows), self.folder / file.name)

    def _map(self, file: ShardFile, *, checksum: bool = True) -> pa.MemoryMappedFile:
        if self._fetch is not None:
            return _map_fetched(self._fetch, file)
        path = self.folder / file.name
        problem = file_problem(path, file, checksum=checksum and self._verify)
        if problem:
            raise ShardError(f"{path}: {problem}; {_RESTORE}")
        return pa.memory_map(str(path))

    def tables(self) -> Iterator[pa.Table]:
        """All files, in order; earlier ones are released as the iteration moves on."""
        for index in range(len(self.manifest.files)):
            yield self._tables.get(index) or self.open_table(index)

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All record batches in order, of the named columns only if given."""
        for table in self.tables():
            yield from (table.select(columns) if columns else table).to_batches()

    def columns(self, names: list[str]) -> Iterator[pa.Table]:
        """All files in order with these columns alone, so that the others are not decompressed. Raises ShardError if one is missing."""
        for file in self.manifest.files:
            mapped, path = self._map(file), self.folder / file.name
            schema = arrow_reader(mapped, path, file.n_rows).schema
            missing = [name for name in names if name not in schema.names]
            if missing:
                raise ShardError(f"{path}: no column {', '.join(missing)}; it has {', '.join(schema.names)}")
            options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names])
            yield read_whole(pa.ipc.open_file(mapped, options=options), path).select(names)

    def to_table(self, columns: list[str] | None = None) -> pa.Table:
        """The whole set as one (memory-mapped) table."""
        return pa.concat_tables([table.select(columns) if columns else table for table in self.tables()])

    def parent(self, label: str) -> Parent:
        """This set as a lineage entry of a set made from it."""
        return Parent(label, self.manifest.kind, self.manifest.hash)


def arrow_reader(mapped: pa.MemoryMappedFile, path: Path, n_rows: int) -> pa.RecordBatchFileReader:
    """The reader of an Arrow file whose metadata state `n_rows` rows, as its record does; nothing is decompressed. Raises ShardError."""
    try:
        reader = pa.ipc.open_file(mapped)
        actual = reader.count_rows()
    except (pa.ArrowException, OSError) as error:
        raise ShardError(f"{path}: not a readable Arrow file ({_first_line(error)}); {_RESTORE}") from None
    if actual != n_rows:
        raise ShardError(f"{path}: {actual:,} rows, the manifest says {n_rows:,}; {_RESTORE}")
    return reader


def read_whole(reader: pa.RecordBatchFileReader, path: Path) -> pa.Table:
    """All of an Arrow file. Raises ShardError if it is damaged."""
    try:
        return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise ShardError(f"{path}: not a readable Arrow file ({_first_line(error)}); {_RESTORE}") from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _map_fetched(fetch: Callable[[ShardFile], Path], file: ShardFile) -> pa.MemoryMappedFile:
    """A cache may delete a file between fetching and opening it; once open, it stays readable."""
    for _ in range(_OPENINGS):
        path = fetch(file)
        try:
            return pa.memory_map(str(path))
        except FileNotFoundError:
            continue
    raise ShardError(f"{path}: deleted {_OPENINGS} times before it could be opened; allow the cache more bytes")
