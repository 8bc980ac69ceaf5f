"""The checkpoints of a run of `train` that hold a model, as far as its folder says now. A running trainer writes new ones and deletes old ones."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from shards.names import Checksum, Count, InnerPath
from shards.record import read_record
from shards.report_record import Facts

_NAME = re.compile(r"step-(\d{6,})")
_REMEDY = "resume the run with `train`, which writes it again"


class _Totals(Facts):
    steps: Count
    tokens: Count


class RunState(Facts):
    """Keys of `run.json` that are read here."""

    name: str = ""
    recipe_hash: str = ""
    model_hash: str = ""
    finished: bool
    totals: _Totals | None = None


class _Facts(Facts):
    step: Count
    tokens: Count
    files: dict[InnerPath, Checksum]


@dataclass(frozen=True)
class Checkpoint:
    """A model folder that a run wrote after `step` steps and `tokens` real tokens."""

    path: Path
    step: int
    tokens: int

    def problem(self) -> str | None:
        """Why its model cannot be scored now, or None: it is gone, or the trainer could not export it."""
        if self.path.name == "model":
            return None if (self.path / "config.json").exists() else "it is gone"
        facts = _read_facts(self.path)
        if facts is None or any(not (self.path / name).exists() for name in facts.files):
            return "it was deleted before it was scored; raise checkpoint.keep_last of the run"
        return None if "config.json" in facts.files else "it holds no model, because the trainer could not export it"


def run_state(run: Path) -> RunState:
    """What run.json says. Raises EvalError if the folder is no output of `train`."""
    try:
        return read_record(run / "run.json", RunState, error=EvalError, remedy=_REMEDY)
    except FileNotFoundError:
        raise EvalError(f"{run}: no run.json, so this is no output folder of `train`; give the folder of a run, also of one that is still going") from None


def checkpoints_of(run: Path, state: RunState) -> list[Checkpoint]:
    """Checkpoints that are complete now, oldest first, and the trained model of a finished run."""
    found = []
    for path in (run / "checkpoints").glob("step-*"):
        facts = _read_facts(path) if _NAME.fullmatch(path.name) else None
        if facts is not None:
            found.append(Checkpoint(path, facts.step, facts.tokens))
    found.sort(key=lambda checkpoint: checkpoint.step)
    if state.finished and state.totals is not None and (run / "model" / "config.json").exists():
        found = [checkpoint for checkpoint in found if checkpoint.step < state.totals.steps]
        found.append(Checkpoint(run / "model", state.totals.steps, state.totals.tokens))
    return found


def _read_facts(path: Path) -> Any:
    """facts.json of a checkpoint, which is written last; None while it is missing, or being deleted."""
    try:
        return read_record(path / "facts.json", _Facts, error=EvalError)
    except (FileNotFoundError, EvalError):
        return None


def learning_rates(run: Path) -> dict[int, float]:
    """Learning rate by step, from the complete lines of metrics.jsonl; empty without the file."""
    rates: dict[int, float] = {}
    try:
        text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    except OSError:
        return rates
    for line in text.splitlines():
        try:
            values = json.loads(line)
            rates[int(values["step"])] = float(values["lr"])
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a running trainer
    return rates
