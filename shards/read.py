"""Reading shard sets: memory-mapped, each file's checksum verified the first time it is opened."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from shards.errors import ShardError
from shards.manifest import Manifest, Parent, ShardFile, file_problem, read_manifest


class ShardSet:
    """A committed shard set. Raises ShardError on a missing manifest, another kind, a missing or damaged file.

    `verify=False` skips checksums (sizes are still compared), for sets that were verified in the same run.
    """

    def __init__(self, folder: Path, kind: str | None = None, *, verify: bool = True) -> None:
        self.folder = Path(folder)
        self.manifest: Manifest = read_manifest(self.folder)
        if kind is not None and self.manifest.kind != kind:
            raise ShardError(f"{self.folder}: a set of {self.manifest.kind}, expected {kind}")
        self._verify = verify
        self._tables: dict[int, pa.Table] = {}

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
            self._tables[index] = self._open(index)
        return self._tables[index]

    def _open(self, index: int) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(str(self._sound_path(self.manifest.files[index])))).read_all()

    def _sound_path(self, file: ShardFile) -> Path:
        path = self.folder / file.name
        problem = file_problem(path, file, checksum=self._verify)
        if problem:
            raise ShardError(f"{path}: {problem}; restore the file, or delete {self.folder} and rerun the command that made it")
        return path

    def tables(self) -> Iterator[pa.Table]:
        """All files, in order; earlier ones are let go as the iteration moves on."""
        for index in range(len(self.manifest.files)):
            yield self._tables.get(index) or self._open(index)

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All record batches in order, of the named columns only if given."""
        for table in self.tables():
            yield from (table.select(columns) if columns else table).to_batches()

    def columns(self, names: list[str]) -> Iterator[pa.Table]:
        """All files in order with these columns alone, so that the others are not decompressed. Raises ShardError if one is missing."""
        for file in self.manifest.files:
            path = self._sound_path(file)
            schema = pa.ipc.open_file(pa.memory_map(str(path))).schema
            missing = [name for name in names if name not in schema.names]
            if missing:
                raise ShardError(f"{path}: no column {', '.join(missing)}; it has {', '.join(schema.names)}")
            options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names])
            yield pa.ipc.open_file(pa.memory_map(str(path)), options=options).read_all().select(names)

    def to_table(self, columns: list[str] | None = None) -> pa.Table:
        """The whole set as one (memory-mapped) table."""
        return pa.concat_tables([table.select(columns) if columns else table for table in self.tables()])

    def parent(self, label: str) -> Parent:
        """This set as a lineage entry of a set made from it."""
        return Parent(label, self.manifest.kind, self.manifest.hash)
