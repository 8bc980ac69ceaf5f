"""`train --processes`: several processes on the CPU, with gloo."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from shards.recipe import load_recipe
from tests.train.runs import curve, go
from train.devices import launch
from train.errors import TrainError
from train.recipe import TrainRecipe

ROOT = Path(launch.__file__).parents[2]


def command(recipe, *options, **changes):
    """The command line of a run on two processes."""
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    return [sys.executable, "-P", "-m", "train", str(recipe), "--processes", "2", *options, *settings]


def environment():
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def launched(recipe, folder, **changes):
    return subprocess.run(command(recipe, **changes), capture_output=True, text=True, timeout=1200, cwd=folder, env=environment())


@pytest.fixture
def recipe_on(monkeypatch, write_recipe):
    """recipe_on(n_gpus, **changes): a recipe, on a machine that seems to have so many GPUs and no launcher."""
    for name in ("WORLD_SIZE", "RANK", launch.LAUNCHER):
        monkeypatch.delenv(name, raising=False)

    def make(n_gpus, **changes):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
        return load_recipe(write_recipe(**changes), TrainRecipe)

    return make


@pytest.mark.parametrize(("device", "n_gpus", "n_processes"), [("auto", 8, 8), ("cuda", 8, 8), ("cuda:3", 8, 1), ("cpu", 8, 1), ("auto", 0, 1), ("auto", 1, 1)])
def test_a_run_takes_every_gpu_unless_its_device_is_named(recipe_on, device, n_gpus, n_processes):
    assert launch.processes_for(recipe_on(n_gpus, device=device), None) == n_processes


def test_more_processes_than_gpus_are_refused(recipe_on):
    with pytest.raises(TrainError, match="--processes 9: this machine has 8 GPUs"):
        launch.processes_for(recipe_on(8), 9)
    assert launch.processes_for(recipe_on(8, device="cpu"), 9) == 9


def test_processes_of_torchrun_start_no_others(recipe_on, monkeypatch):
    recipe = recipe_on(8)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert launch.processes_for(recipe, None) == 1
    with pytest.raises(TrainError, match="torchrun has already started this process"):
        launch.processes_for(recipe, 2)


def test_two_processes_train_like_one_whatever_lies_in_the_folder(write_recipe, tmp_path):
    recipe, folder = write_recipe(steps=4), tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("raise SystemExit('the wrong program ran')")
    (folder / "eval.py").write_text("raise SystemExit('the wrong module was imported')")
    go(recipe, f"out={tmp_path / 'one'}")
    done = launched(recipe, folder, out=tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained") == 1
    assert [record["loss"] for record in curve(tmp_path / "two")] == pytest.approx([record["loss"] for record in curve(tmp_path / "one")], rel=2e-5)


@pytest.mark.slow
def test_an_error_of_the_run_is_one_line_and_its_exit_code(write_recipe, tmp_path):
    done = launched(write_recipe(), tmp_path, mix=tmp_path / "nowhere")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "nowhere" in line] == [done.stderr.strip().splitlines()[-1]]


def test_a_batch_that_cannot_be_split_is_refused_before_anything_starts(write_recipe, tmp_path):
    done = launched(write_recipe(), tmp_path, batch_rows=7)
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
    assert "batch_rows: 7 rows cannot be split evenly over 2 processes" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 0)])
def test_a_signal_saves_and_ends_as_it_asks(write_recipe, tmp_path, number, code):
    recipe = write_recipe(steps=2000, checkpoint={"every_steps": 4})
    recipe.write_text(recipe.read_text().replace("steps: 2000", "steps: null"))
    process = start_and_wait(recipe, tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    done = len(curve(tmp_path / "run"))
    assert (tmp_path / "run" / "checkpoints" / f"step-{done:06d}").is_dir()


@pytest.mark.slow
def test_no_process_outlives_a_killed_launcher(write_recipe, tmp_path):
    process = start_and_wait(write_recipe(), tmp_path)
    children = [int(pid) for task in Path(f"/proc/{process.pid}/task").iterdir() for pid in (task / "children").read_text().split()]
    assert len(children) >= 2
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def start_and_wait(recipe, tmp_path):
    """A run on two processes that has written its first checkpoint; each step takes a moment, so that it is still running."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time, train.loop as loop\nstep = loop.train_step\nloop.train_step = lambda *a: (time.sleep(0.2), step(*a))[1]\n"
    )
    paths = os.pathsep.join([str(ROOT), str(tmp_path)])
    process = subprocess.Popen(
        command(recipe, **{"checkpoint.every_steps": 2}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": paths},
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "run" / "checkpoints").glob("step-*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()[1]
    return process
