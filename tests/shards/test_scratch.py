import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from shards.scratch import Scratch


def test_scratch_folders_of_killed_processes_are_deleted_and_those_of_running_ones_stay(tmp_path, monkeypatch):
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    code = "from shards.scratch import Scratch; s = Scratch(); print(s.folder, flush=True); input()"
    living, killed = (
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(short)})
        for _ in range(2)
    )
    folders = [Path(process.stdout.readline().strip()) for process in (living, killed)]
    (folders[1] / "socket").write_text("x")
    (short / "cptkit-scratch-of-mine").mkdir()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    own = Scratch()
    assert folders[0].exists() and not folders[1].exists() and own.folder.exists() and (short / "cptkit-scratch-of-mine").exists()
    living.kill()
    living.communicate()
    own.close()
    assert not own.folder.exists() and not folders[0].exists() and (short / "cptkit-scratch-of-mine").exists()
    shutil.rmtree(short)


def test_a_scratch_folder_has_room_for_a_socket_and_is_private(tmp_path, monkeypatch):
    (tmp_path / ("x" * 80)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 80)))
    scratch = Scratch()
    assert scratch.folder.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(scratch.folder / "listener-12345678"))
    scratch.close()


def test_a_fork_leaves_the_folder_to_its_owner(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch = Scratch()
    if (child := os.fork()) == 0:
        scratch.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert scratch.folder.is_dir()
    scratch.close()
    assert not scratch.folder.exists()
