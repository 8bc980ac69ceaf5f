"""Whole runs of a recipe, and what they leave."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from transformers import AutoModelForCausalLM

from shards.recipe import load_recipe
from train.recipe import TrainRecipe
from train.run import run
from train.session import Session


def go(path, *overrides):
    return run(load_recipe(path, TrainRecipe, overrides))


def curve(out):
    """The records of metrics.jsonl without what depends on the clock."""
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "tokens_per_second"} for record in records]


def weights(out):
    return AutoModelForCausalLM.from_pretrained(out / "model").state_dict()


def stop_at(monkeypatch, step, number=signal.SIGTERM):
    """Send the process a signal while it is in `step`."""
    after_step = Session.after_step

    def signalled(self, report):
        if report.state.step == step - 1:
            os.kill(os.getpid(), number)
        return after_step(self, report)

    monkeypatch.setattr(Session, "after_step", signalled)


def run_with_signal(recipe, step, number):
    """Run the command, whose process sends itself the signal while it is in `step`."""
    code = f"""
import sys
from pytest import MonkeyPatch
from tests.train.runs import stop_at
from train.cli import main
stop_at(MonkeyPatch(), {step}, {int(number)})
sys.argv[0] = "train"
main()
"""
    return subprocess.run([sys.executable, "-c", code, str(recipe), "--quiet"], capture_output=True, text=True, cwd=Path(__file__).parents[2])
