"""What a runner of steps does on signals."""

import os
import signal
import subprocess
import sys
import uuid

import pytest

from tests.processes import survivors

_STEP = "import sys, time; from shards.signals import end_on_signals; end_on_signals(); print('begun', flush=True); time.sleep(3600)"
_SILENT = "import time; print('begun', flush=True); time.sleep(3600)"
_RUNNER = """
import shlex, sys, time
from examples.demo.run import pass_signals_on, run
pass_signals_on()
if sys.argv[1]:
    run(shlex.join([sys.executable, "-c", sys.argv[1]]))
print("begun", flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("step", [_STEP, _SILENT, ""], ids=["a step that says so", "a step that is silent", "between steps"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_step_and_the_runner_with_one_line(step: str, number: signal.Signals, code: int) -> None:
    mark = uuid.uuid4().hex
    runner = subprocess.Popen(
        [sys.executable, "-c", _RUNNER, step],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"CPTKIT_TEST_MARK": mark},
    )
    assert runner.stdout is not None
    while runner.stdout.readline() != "begun\n":
        assert runner.poll() is None
    if number == signal.SIGINT:
        os.killpg(runner.pid, number)  # as from a terminal
    else:
        runner.send_signal(number)
    error = runner.communicate(timeout=60)[1].splitlines()
    assert runner.returncode == code
    assert len(error) == 1 and error[0].endswith("rerun the same command to resume"), error
    assert not survivors(mark)
