import json
import logging
import os
import sqlite3
import subprocess
import sys

import pytest

from shards import trackers
from shards.trackers import TrackedRun, Trackers, TrackioRecipe, WandbRecipe, flat, open_trackers
from train.errors import TrainError

RUN = TrackedRun("run", "k" * 16, {}, 0)


class Noting:
    """A tracker that keeps what it is told, and may break at a step."""

    def __init__(self, breaks_at=None):
        self.told, self.breaks_at, self.closed = [], breaks_at, False

    def log(self, step, figures):
        if step == self.breaks_at:
            raise ConnectionError("no route")
        self.told.append((step, dict(figures)))

    def close(self):
        self.closed = True
        raise OSError("disk")


def test_nested_figures_get_a_path_and_the_step_is_left_out():
    record = {"step": 3, "loss": 2.0, "skipped": True, "loss_by_source": {"law": 1.5}, "note": "x"}
    assert flat(record) == {"loss": 2.0, "skipped": 1.0, "loss_by_source/law": 1.5}


def test_a_tracker_that_fails_is_told_once_and_left_out(caplog):
    broken, whole = Noting(breaks_at=2), Noting()
    both = Trackers({"broken": broken, "whole": whole})
    with caplog.at_level(logging.WARNING):
        for step in (1, 2, 3):
            both.log(step, {"step": step, "loss": 1.0})
        both.close()
    assert [step for step, _ in broken.told] == [1] and [step for step, _ in whole.told] == [1, 2, 3]
    assert [record.message for record in caplog.records] == [
        "log.broken: ConnectionError: no route; the run continues without it",
        "log.whole: OSError: disk; the run continues without it",
    ]
    assert whole.closed and not broken.closed


def test_one_that_cannot_be_opened_does_not_stop_the_run(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(trackers, "_Trackio", lambda *_: 1 / 0)
    open_trackers(RUN, tmp_path, trackio=TrackioRecipe(project="p")).log(1, {"loss": 1})
    assert "log.trackio: ZeroDivisionError" in caplog.text


def test_a_package_that_is_not_installed_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainError, match=r"log.wandb: the package wandb is not installed; pip install 'cptkit\[trackers\]'"):
        open_trackers(RUN, tmp_path, wandb=WandbRecipe(project="p"), error=TrainError)


def in_a_process(code, tmp_path):
    environment = os.environ | {"TRACKIO_DIR": str(tmp_path / "trackio"), "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    header = f"from pathlib import Path\nfrom shards.trackers import *\nout = Path({str(tmp_path)!r})\n"
    done = subprocess.run([sys.executable, "-c", header + code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0 and "without it" not in done.stderr, done.stderr
    return done


TELL = """
for first in (0, 2):
    told = open_trackers(TrackedRun("law", "abcdefgh12345678", {{"steps": 5, "plan_hash": "p"}}, first), out, {name}={settings})
    for step in range(first + 1, first + 3):
        told.log(step, {{"step": step, "loss": 1 / step, "loss_by_source": {{"web": 2.0}}}})
    told.close()
"""


def test_trackio_has_one_run_of_a_run_that_was_resumed(tmp_path):
    pytest.importorskip("trackio")
    in_a_process(TELL.format(name="trackio", settings='TrackioRecipe(project="p")'), tmp_path)
    rows = sqlite3.connect(tmp_path / "trackio" / "p.db").execute("select run_name, step, metrics from metrics order by step").fetchall()
    assert [(name, step) for name, step, _ in rows] == [("law-abcdefgh", step) for step in (1, 2, 3, 4)]
    assert json.loads(rows[1][2])["loss"] == 0.5 and json.loads(rows[1][2])["loss_by_source/web"] == 2.0


def test_wandb_writes_offline_under_one_id(tmp_path):
    pytest.importorskip("wandb")
    in_a_process(TELL.format(name="wandb", settings='WandbRecipe(project="p", mode="offline")'), tmp_path)
    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert [path.name for path in files] == ["run-abcdefgh12345678.wandb"] * 2
    assert b"loss_by_source/web" in files[0].read_bytes() and b"plan_hash" in files[0].read_bytes()
