"""A folder has one writer."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shards.errors import ShardError
from shards.lock import LOCK_NAME, HeldError, folder_lock, make_folder


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A process that holds the folder `out`."""
    program = "import sys, time; from pathlib import Path; from shards.lock import folder_lock\nsys.argv[0] = '/bin/mix'\n"
    program += "with folder_lock(Path(sys.argv[1])):\n print(1, flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "out")], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"1\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_has_one_writer_who_is_named_and_is_free_after_a_kill(tmp_path: Path, holder: subprocess.Popen) -> None:
    out = tmp_path / "out"
    with pytest.raises(HeldError) as raised, folder_lock(out):
        pass
    told = f"{out}: another run is writing here: `mix {out}`, process {holder.pid} on {os.uname().nodename}, since 2"
    assert str(raised.value).startswith(told) and str(raised.value).endswith("; wait until it ends, or choose another output folder")
    holder.kill()
    holder.wait()
    with folder_lock(out):
        pass
    assert list(tmp_path.iterdir()) == [out] and not list(out.iterdir())


def test_who_waits_gets_the_folder_when_its_holder_ends_and_says_for_whom_it_waits(tmp_path: Path, holder: subprocess.Popen) -> None:
    out = tmp_path / "out"
    program = "import sys, logging; from pathlib import Path; from shards.lock import folder_lock\nlogging.basicConfig(level='INFO')\n"
    program += "with folder_lock(Path(sys.argv[1]), wait=True):\n print('mine', flush=True)"
    waiting = subprocess.Popen([sys.executable, "-c", program, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stdout is not None and waiting.stderr is not None
    assert f"waiting for another run that is writing here: `mix {out}`, process {holder.pid}" in waiting.stderr.readline()
    assert waiting.poll() is None
    holder.kill()
    assert waiting.stdout.readline() == "mine\n" and waiting.wait() == 0
    waiting.communicate()


def test_who_waits_makes_a_folder_again_that_its_holder_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, deleted = os.open, []

    def deleted_first(path: object, *rest: int) -> int:
        if not deleted and str(path).endswith(LOCK_NAME):  # as a holder that ends between our creating the folder and opening the file
            deleted.append(path)
            (tmp_path / "out").rmdir()
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", deleted_first)
    with folder_lock(tmp_path / "out", wait=True):
        assert deleted and (tmp_path / "out" / LOCK_NAME).exists()


def test_a_released_lock_leaves_nothing_and_existing_files_stay(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / LOCK_NAME).exists()
    assert not (tmp_path / "a").exists()
    (tmp_path / "mine").mkdir()
    with folder_lock(tmp_path / "mine"), pytest.raises(ShardError, match=f"process {os.getpid()} on"), folder_lock(tmp_path / "mine"):
        pass
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_lock_file_deleted_before_it_was_locked_is_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = fcntl.flock, []

    def deleted_first(handle: int, how: int) -> None:
        calls.append(how)
        if len(calls) == 1:  # as a run that ends between our opening the file and locking it
            (tmp_path / LOCK_NAME).unlink()
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", deleted_first)
    with folder_lock(tmp_path):
        assert len(calls) == 2 and (tmp_path / LOCK_NAME).exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refused(handle: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(ShardError, match="this file system has no locks"), folder_lock(tmp_path):
        pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_NAME).symlink_to(tmp_path / "mine")
    with pytest.raises(ShardError, match="cannot be written"), folder_lock(tmp_path / "out"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ShardError, match=f"{tmp_path}/file: is a file, not a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(ShardError, match=f"{tmp_path}/file/a/b: {tmp_path}/file is a file"):
        make_folder(tmp_path / "file" / "a" / "b")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ShardError, match="dangling"):
        make_folder(tmp_path / "dangling" / "a")


@pytest.mark.parametrize("address", ["s3://bucket/out", "file:///out", "hf://datasets/a/b"])
def test_an_address_is_not_a_folder_unless_that_folder_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ShardError, match="an address; only local folders can be written"), folder_lock(Path(address)):
        pass
    assert not list(tmp_path.iterdir())
    (tmp_path / address.partition("/")[0]).mkdir()
    make_folder(Path(address))
