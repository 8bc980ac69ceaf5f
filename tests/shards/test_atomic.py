"""A full disk gives one clear error and leaves no half-written file."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from shards.atomic import write_atomically
from shards.errors import ShardError
from shards.stages import Stage
from shards.write import ShardWriter

BATCH = pa.record_batch([pa.array(range(100_000), pa.int64())], names=["n"])


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 1 MB: write() fails as it does on a full disk, but for the number of the error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("small_disk")
def test_a_shard_that_does_not_fit_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    message = r"cannot write \(File too large\); make room and run again"
    with pytest.raises(ShardError, match=message), ShardWriter(tmp_path, BATCH.schema, compression=None) as writer:
        for _ in range(5):
            writer.write(BATCH)
    assert files(tmp_path) == []


@pytest.mark.usefixtures("small_disk")
def test_a_task_that_does_not_fit_is_not_done_and_those_before_it_are(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.commit(0, {"a": [BATCH]}, {"a": BATCH.schema}, compression=None)
    with pytest.raises(ShardError, match="cannot write"):
        stage.commit(1, {"a": [BATCH, BATCH]}, {"a": BATCH.schema}, compression=None)
    assert stage.is_done(0) and not stage.is_done(1)
    assert files(tmp_path) == ["00000.json", "a-00000-00000.arrow"]


@pytest.mark.usefixtures("small_disk")
def test_a_small_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"old")
    with pytest.raises(ShardError, match="cannot write"):
        write_atomically(tmp_path / "a.json", b"x" * 2_000_000)
    assert files(tmp_path) == ["a.json"] and (tmp_path / "a.json").read_bytes() == b"old"
