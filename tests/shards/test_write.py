import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.manifest import commit_manifest, looks_sound, read_manifest, verify
from shards.read import ShardSet
from shards.schemas import tokens_schema
from shards.write import ShardWriter, open_for_writing, write_set

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.large_string())])


def batch(start: int, stop: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(range(start, stop)), pa.array([f"text {n}" for n in range(start, stop)], pa.large_string())], schema=SCHEMA)


def test_what_is_written_is_read_back_across_files(tmp_path):
    manifest = write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 7), batch(7, 20)], rows_per_file=6)
    assert [file.n_rows for file in manifest.files] == [6, 6, 6, 2]
    assert ShardSet(tmp_path / "set", "numbers").to_table()["n"].to_pylist() == list(range(20))


def test_the_same_batches_give_the_same_bytes(tmp_path):
    first = write_set(tmp_path / "a", "numbers", SCHEMA, [batch(0, 50)])
    second = write_set(tmp_path / "b", "numbers", SCHEMA, [batch(0, 50)])
    assert first == second and first.hash == second.hash
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_a_set_without_a_manifest_is_refused_as_half_written(tmp_path):
    with ShardWriter(tmp_path, SCHEMA) as writer:
        writer.write(batch(0, 3))
    with pytest.raises(ShardError, match="half-written"):
        ShardSet(tmp_path)


def test_every_flipped_byte_is_found_and_its_file_named(tmp_path):
    manifest = write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 9)], rows_per_file=3)
    path = tmp_path / "set" / manifest.files[1].name
    whole = path.read_bytes()
    for position in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert [fault.file for fault in verify(tmp_path / "set")] == [path.name]
    with pytest.raises(ShardError, match=path.name):
        ShardSet(tmp_path / "set").to_table()


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


def test_leaving_the_writer_by_an_exception_leaves_no_data_file(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, SCHEMA, rows_per_file=2) as writer:
        writer.write(batch(0, 5))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_writer_killed_half_way_leaves_an_unreadable_folder_that_can_be_rewritten(tmp_path):
    code = (
        "import sys, os, signal; sys.path.insert(0, sys.argv[2])\n"
        "from tests.shards.test_write import SCHEMA, batch\n"
        "from shards.write import write_set\n"
        "def batches():\n"
        "    yield batch(0, 5)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_set(sys.argv[1], 'numbers', SCHEMA, batches(), rows_per_file=2)\n"
    )
    write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 1)])
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "set"), os.getcwd()])
    with pytest.raises(ShardError, match="half-written"):
        ShardSet(tmp_path / "set")
    rewritten = write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 5)], rows_per_file=2)
    fresh = write_set(tmp_path / "fresh", "numbers", SCHEMA, [batch(0, 5)], rows_per_file=2)
    assert rewritten == fresh and sorted(os.listdir(tmp_path / "set")) == sorted(os.listdir(tmp_path / "fresh"))


def test_token_files_count_their_tokens_and_are_memory_mapped(tmp_path):
    schema = tokens_schema(2)
    lists = pa.array([[1, 2, 3], [], [4]], pa.large_list(pa.uint16()))
    tokens = pa.record_batch([pa.array([b"0" * 16] * 3, pa.binary(16)), lists, pa.array([3, 0, 1]), pa.array(["a"] * 3)], schema=schema)
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


def test_a_batch_of_another_schema_is_refused(tmp_path):
    with pytest.raises(ShardError, match="columns"), ShardWriter(tmp_path, SCHEMA) as writer:
        writer.write(pa.record_batch([pa.array([1])], names=["m"]))


def test_an_old_set_is_unreadable_while_a_new_one_is_written(tmp_path):
    old = write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)])
    open_for_writing(tmp_path, "numbers")
    with pytest.raises(ShardError):
        read_manifest(tmp_path)
    commit_manifest(tmp_path, old)
    assert verify(tmp_path)[0].problem == "missing"


def test_a_set_of_another_kind_is_never_written_over(tmp_path):
    write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 5)])
    with pytest.raises(ShardError, match="set: holds a set of numbers, which a set of letters would replace"):
        write_set(tmp_path / "set", "letters", SCHEMA, [batch(0, 5)])
    assert not verify(tmp_path / "set")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ShardError, match="file: is a file, and a set of letters is a folder"):
        write_set(tmp_path / "file", "letters", SCHEMA, [batch(0, 5)])


def test_arrow_files_of_other_programs_stay_where_they_are(tmp_path):
    names = ["data-00000-of-00002.arrow", "dataset.arrow", "mine-1.arrow"]
    for name in names:
        (tmp_path / name).write_bytes(b"theirs")
    write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)])
    write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)], prefix="other")
    assert sorted(path.name for path in tmp_path.glob("*.arrow")) == sorted([*names, "other-00000.arrow"])


def test_files_changed_after_the_commit_are_read_before_a_set_is_taken_for_sound(tmp_path):
    manifest = write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)])
    path = tmp_path / manifest.files[0].name
    assert looks_sound(tmp_path, manifest)
    later = (tmp_path / "manifest.json").stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))
    assert looks_sound(tmp_path, manifest)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    os.utime(path, ns=(later, later))
    assert not looks_sound(tmp_path, manifest)
    path.unlink()
    assert not looks_sound(tmp_path, manifest)
