import os

import pytest

from shards.errors import ShardError
from shards.manifest import looks_sound, verify
from shards.read import ShardSet
from shards.write import write_set
from tests.shards.test_write import SCHEMA, batch


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


def test_files_changed_after_the_commit_are_read_before_a_set_counts_as_sound(tmp_path):
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


def test_a_folder_that_contains_sets_says_which(tmp_path):
    for name in ("documents", "held_out"):
        write_set(tmp_path / "out" / name, "numbers", SCHEMA, [batch(0, 3)])
    with pytest.raises(ShardError, match=r"this is not a shard set; it contains sets, give one of them: documents, held_out$"):
        ShardSet(tmp_path / "out")
