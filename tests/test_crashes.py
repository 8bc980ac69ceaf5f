"""Every command that writes, ended at any of its file operations, gives the same when it is run again, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_output_folders import commands, home

__all__ = ["home"]
_SAMPLE = {"tokenize export": None, "tokenize import": 8, "tokenize run": 8, "mix build": 8}
"""How many operations the quick test tries, the first and the last among them; None: all, for its record is made at one of them."""
_CHANGING = ("work", "timings.json")
_SLOW = ("tokenize export", "tokenize import", "tokenize run", "mix build", "tokenize train", "curate run", "curate decide", "curate align",
         "curate rehydrate", "curate synthesize", "train init", "train merge", "evaluate run")  # fmt: skip


def crash(home: Path, folder: Path, name: str, sample: int | None) -> dict:
    specification = folder / "specification.json"
    what = {"arguments": [*commands(home)[name], "--quiet"], "folder": str(folder / "trials"), "without": _CHANGING, "sample": sample}
    specification.write_text(json.dumps(what))
    done = subprocess.run([sys.executable, "-m", "tests.crashes", specification], capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", _SAMPLE)
def test_a_command_that_was_ended_at_a_file_operation_is_run_again(home: Path, tmp_path: Path, name: str) -> None:
    found = crash(home, tmp_path, name, _SAMPLE[name])
    assert found["n_operations"] > 10 and not found["faults"], "\n".join(found["faults"])


@pytest.mark.slow
@pytest.mark.parametrize("name", _SLOW)
def test_a_command_that_was_ended_at_each_of_its_file_operations_is_run_again(home: Path, tmp_path: Path, name: str) -> None:
    found = crash(home, tmp_path, name, None)
    assert found["n_operations"] > 3 and not found["faults"], "\n".join(found["faults"])
