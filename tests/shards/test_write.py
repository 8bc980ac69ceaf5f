import os
import subprocess
import sys

import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.manifest import UNFINISHED_NAME, commit_manifest, read_manifest, verify
from shards.read import ShardSet
from shards.write import ShardWriter, open_for_writing, refuse_other_kind, remove_set, write_set
from tests.shards.test_folder import BATCH, files

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.large_string())])


def batch(start: int, stop: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(range(start, stop)), pa.array([f"text {n}" for n in range(start, stop)], pa.large_string())], schema=SCHEMA)


def test_written_batches_are_read_back_across_files(tmp_path):
    manifest = write_set(tmp_path / "set", "numbers", SCHEMA, [batch(0, 7), batch(7, 20)], rows_per_file=6)
    assert [file.n_rows for file in manifest.files] == [6, 6, 6, 2]
    assert ShardSet(tmp_path / "set", "numbers").to_table()["n"].to_pylist() == list(range(20))


def test_the_same_batches_give_the_same_bytes(tmp_path):
    first = write_set(tmp_path / "a", "numbers", SCHEMA, [batch(0, 50)])
    second = write_set(tmp_path / "b", "numbers", SCHEMA, [batch(0, 50)])
    assert first == second and first.hash == second.hash
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_leaving_the_writer_by_an_exception_leaves_no_data_file(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, SCHEMA, rows_per_file=2) as writer:
        writer.write(batch(0, 5))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_an_unreadable_folder_that_can_be_rewritten(tmp_path):
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


def test_arrow_files_of_other_programs_are_left_alone(tmp_path):
    names = ["data-00000-of-00002.arrow", "dataset.arrow", "mine-1.arrow"]
    for name in names:
        (tmp_path / name).write_bytes(b"theirs")
    write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)])
    write_set(tmp_path, "numbers", SCHEMA, [batch(0, 5)], prefix="other")
    assert sorted(path.name for path in tmp_path.glob("*.arrow")) == sorted([*names, "other-00000.arrow"])


def test_overwriting_a_set_deletes_the_files_of_its_manifest_and_no_others(tmp_path):
    write_set(tmp_path, "numbers", BATCH.schema, [BATCH] * 3, rows_per_file=3)
    for name in ("data-00000-of-00001.arrow", "notes.txt", ".part.arrow.tmp"):
        (tmp_path / name).write_text("mine")
    write_set(tmp_path, "numbers", BATCH.schema, [BATCH])
    assert files(tmp_path) == [".part.arrow.tmp", "data-00000-of-00001.arrow", "manifest.json", "notes.txt", "part-00000.arrow"]


def test_an_unrecorded_file_with_a_name_like_ours_is_refused_before_anything_is_written(tmp_path):
    for number, (name, content) in enumerate({"part-00007.arrow": "mine", "manifest.json": '{"kind": "app"}', "x/manifest.json": "mine"}.items()):
        place = (tmp_path / str(number) / name).parent
        place.mkdir(parents=True)
        (tmp_path / str(number) / name).write_text(content)
        with pytest.raises(ShardError, match="already exists"):
            write_set(place, "numbers", BATCH.schema, [BATCH])
        assert files(tmp_path / str(number)) == [name] and (tmp_path / str(number) / name).read_text() == content


def test_files_of_a_killed_write_are_known_to_the_next(tmp_path):
    open_for_writing(tmp_path, "numbers")
    with ShardWriter(tmp_path, BATCH.schema, rows_per_file=3) as writer:
        writer.write(BATCH)
        (tmp_path / ".part-00001.arrow.123.tmp").write_text("half")
        with pytest.raises(ShardError, match="half-written"):
            ShardSet(tmp_path)
        refuse_other_kind(tmp_path, "numbers")
        open_for_writing(tmp_path, "numbers")
        assert files(tmp_path) == [UNFINISHED_NAME]


def test_a_damaged_manifest_beside_our_data_is_ours(tmp_path):
    write_set(tmp_path, "numbers", BATCH.schema, [BATCH])
    (tmp_path / "manifest.json").write_text("{")
    write_set(tmp_path, "numbers", BATCH.schema, [BATCH])
    assert len(ShardSet(tmp_path, "numbers")) == 3


def test_a_set_is_removed_with_its_folder_unless_something_else_is_in_it(tmp_path):
    for name in ("alone", "shared"):
        write_set(tmp_path / name, "numbers", BATCH.schema, [BATCH])
    (tmp_path / "shared" / "notes.txt").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "part-00000.arrow").write_text("mine")
    for name in ("alone", "shared", "mine", "nothing"):
        remove_set(tmp_path / name, "numbers")
    assert files(tmp_path) == ["mine/part-00000.arrow", "shared/notes.txt"] and not (tmp_path / "alone").exists()
