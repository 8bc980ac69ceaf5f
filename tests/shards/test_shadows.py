import os
import subprocess
import sys
from pathlib import Path

import shards.shadows
from shards.shadows import shadows

ROOT = Path(shards.shadows.__file__).parent.parent


def test_modules_before_ours_are_named(tmp_path):
    (tmp_path / "eval.py").touch()
    (tmp_path / "mix").mkdir()
    (tmp_path / "mix" / "__init__.py").touch()
    (tmp_path / "train").mkdir()  # a folder without __init__.py, such as a run's output, hides nothing
    found = [("eval", tmp_path / "eval.py"), ("mix", tmp_path / "mix" / "__init__.py")]
    assert sorted(shadows([str(tmp_path), str(ROOT)])) == found
    assert shadows([str(ROOT), str(tmp_path)]) == []


def test_the_command_warns_of_a_module_in_the_folder(tmp_path):
    (tmp_path / "mix.py").touch()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    begun_there = subprocess.run([sys.executable, "-m", "train", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert f"{tmp_path / 'mix.py'} hides cptkit's package mix" in begun_there.stderr
    installed = subprocess.run([sys.executable, "-P", "-m", "train", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert installed.stderr == ""
