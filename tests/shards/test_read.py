import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.manifest import read_manifest
from shards.read import ShardSet
from shards.schemas import tokens_schema
from shards.write import ShardWriter, write_set
from tests.shards.test_write import SCHEMA, batch


def test_a_set_without_a_manifest_is_refused_as_half_written(tmp_path):
    with ShardWriter(tmp_path, SCHEMA) as writer:
        writer.write(batch(0, 3))
    with pytest.raises(ShardError, match="half-written"):
        ShardSet(tmp_path)


def test_a_truncated_or_missing_file_is_named(tmp_path):
    manifest = write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 9)])
    path = tmp_path / "set" / manifest.files[0].name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ShardError, match="bytes, the manifest says"):
        ShardSet(tmp_path / "set").to_table()
    path.unlink()
    with pytest.raises(ShardError, match="missing"):
        ShardSet(tmp_path / "set").to_table()


def test_another_kind_and_an_unknown_version_are_refused(tmp_path):
    write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 9)])
    with pytest.raises(ShardError, match="a set of numbers, expected documents"):
        ShardSet(tmp_path / "set", "documents")
    raw = json.loads((tmp_path / "set" / "manifest.json").read_text())
    (tmp_path / "set" / "manifest.json").write_text(json.dumps(raw | {"schema_version": 99}))
    with pytest.raises(ShardError, match="schema version 99"):
        read_manifest(tmp_path / "set")


def test_token_files_count_their_tokens_and_are_memory_mapped(tmp_path):
    schema = tokens_schema(2)
    lists = pa.array([[1, 2, 3], [], [4]], pa.large_list(pa.uint16()))
    tokens = pa.record_batch(
        [pa.array([b"0" * 16] * 3, pa.binary(16)), lists, pa.array([3, 0, 1]), pa.array(["a"] * 3), pa.nulls(3, pa.bool_())], schema=schema
    )
    manifest = write_set(tmp_path / "set", "tokens", schema, [tokens], compression=None, token_column="tokens")
    assert manifest.n_tokens == 4
    before = pa.total_allocated_bytes()
    table = ShardSet(tmp_path / "set").to_table()
    assert pa.total_allocated_bytes() - before < 4096
    assert np.concatenate([np.asarray(row) for row in table["tokens"].to_pylist()]).tolist() == [1, 2, 3, 4]


def test_pyarrow_polars_and_datasets_read_the_files(tmp_path):
    write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 30)], rows_per_file=20)
    paths = sorted(str(path) for path in (tmp_path / "set").glob("*.arrow"))
    assert sum(pa.ipc.open_file(path).read_all().num_rows for path in paths) == 30
    assert pl.scan_ipc(paths).collect()["n"].to_list() == list(range(30))
    datasets = pytest.importorskip("datasets")
    assert datasets.load_dataset("arrow", data_files=paths, split="train", cache_dir=str(tmp_path / "cache"))["n"] == list(range(30))
