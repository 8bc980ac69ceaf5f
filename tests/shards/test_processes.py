"""Workers end with the command that started them, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from tests.processes import marked, survivors

POOL = """
import os, sys, time
from pathlib import Path
from shards.stages import TaskPool
from shards.signals import end_on_signals, wait_if_ending

def work(place):
    (Path(place) / str(os.getpid())).touch()
    while True:
        time.sleep(0.01)

if __name__ == "__main__":
    end_on_signals()
    try:
        with TaskPool(2, {preload}) as pool:
            for _ in pool.run(work, [sys.argv[1]] * 4, "working"):
                pass
    except Exception:
        wait_if_ending()
        raise
"""


@pytest.fixture(params=[[], ["colorsys"]], ids=["spawned", "forked from a server"])
def busy_pool(request, tmp_path):
    """A command whose two workers are in the middle of a task, and the mark that all its processes bear."""
    (tmp_path / "command.py").write_text(POOL.format(preload=request.param))
    (tmp_path / "at work").mkdir()
    scratch = tempfile.mkdtemp(dir="/tmp")  # short, as sockets need it
    mark = uuid.uuid4().hex
    environment = os.environ | {"CPTKIT_TEST_MARK": mark, "TMPDIR": scratch, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "command.py"), str(tmp_path / "at work")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    while len(list((tmp_path / "at work").iterdir())) < 2:
        assert process.poll() is None, process.communicate()
    yield process, mark, Path(scratch)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    shutil.rmtree(scratch)


def test_workers_end_when_their_parent_alone_is_killed(busy_pool):
    process, mark, _ = busy_pool
    process.kill()
    process.wait()
    assert survivors(mark) == set()


@pytest.mark.parametrize(
    "number, code, said",
    [
        (signal.SIGINT, 130, "error: interrupted (SIGINT); rerun the same command to resume\n"),
        (signal.SIGTERM, 143, "error: terminated (SIGTERM); rerun the same command to resume\n"),
    ],
)
@pytest.mark.parametrize("to_group", [True, False])
def test_a_signal_ends_workers_too_with_one_line_and_its_exit_code(busy_pool, number, code, said, to_group):
    process, mark, scratch = busy_pool
    (os.killpg if to_group else os.kill)(process.pid, number)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (code, "", said)
    assert survivors(mark) == set()
    assert list(scratch.iterdir()) == []


def test_a_killed_worker_is_named_with_its_stage_and_the_likely_reason(busy_pool, tmp_path):
    process, mark, _ = busy_pool
    os.kill(int(next((tmp_path / "at work").iterdir()).name), signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert "ShardError: working: a worker process was killed (SIGKILL), as the system does when memory runs out; give it fewer workers" in error
    assert survivors(mark) == set()


def test_an_interrupt_before_python_has_started_in_a_worker_is_ignored_there():
    code = "import sys; from shards.processes import interrupts_blocked; import subprocess\n"
    code += "with interrupts_blocked(): child = subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input(); print(2)'], stdin=-1, stdout=-1)\n"
    code += "import os, signal; child.stdout.readline(); os.kill(child.pid, signal.SIGINT); print(child.communicate(b'x')[0].decode().strip())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_an_external_program_ends_with_its_parent():
    mark = uuid.uuid4().hex
    code = "import os, subprocess; from functools import partial; from shards.processes import killed_with_parent\n"
    code += "print('on', flush=True); subprocess.run(['sleep', '600'], preexec_fn=partial(killed_with_parent, os.getpid()))"
    environment = os.environ | {"CPTKIT_TEST_MARK": mark}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    while len(marked(mark)) < 2:
        assert parent.poll() is None
    parent.kill()
    parent.communicate()
    assert survivors(mark) == set()


def test_the_fork_server_ends_with_the_command_though_it_still_loads(tmp_path):
    (tmp_path / "slow_to_load.py").write_text(f"import time\nopen({str(tmp_path / 'loading')!r}, 'w')\ntime.sleep(600)\n")
    mark = uuid.uuid4().hex
    code = "import time; from shards.processes import process_context; process_context(['slow_to_load']); time.sleep(600)"
    environment = os.environ | {"CPTKIT_TEST_MARK": mark, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = subprocess.Popen([sys.executable, "-c", code], env=environment)
    while not (tmp_path / "loading").exists():
        assert command.poll() is None
    command.kill()
    command.wait()
    assert survivors(mark) == set()
