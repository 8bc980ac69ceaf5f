"""`OUT/run.json`: what a run is, so that a rerun knows whether to resume, to stop, or to refuse."""

import logging
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from shards import record as records
from shards.atomic import file_checksum
from shards.folder import write_owned
from shards.names import Checksum, Count, InnerPath
from train.errors import TrainError

FILE = "run.json"
MODELS = ("model", "model-ema", "adapter")
"""Folders that a finished run leaves."""

_WHAT = {"recipe_hash": "another recipe", "model_hash": "another base model", "plan_hash": "another mix", "second_model_hash": "another reference or teacher"}


def identity(recipe_hash: str, model_hash: str, plan_hash: str) -> dict[str, str]:
    """What makes two runs the same run."""
    return {"recipe_hash": recipe_hash, "model_hash": model_hash, "plan_hash": plan_hash}


class _Totals(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: Count
    tokens: Count
    loss: float | None


class _Record(BaseModel):
    """What is read by name of `run.json`; `files` are those of the trained model, by their paths in OUT."""

    model_config = ConfigDict(extra="allow")

    recipe_hash: Checksum
    model_hash: Checksum
    plan_hash: Checksum
    second_model_hash: Checksum | None = None
    finished: bool
    totals: _Totals | None = None
    files: dict[InnerPath, Checksum] = {}


def read_record(out: Path) -> dict[str, Any] | None:
    """The folder's run.json, or None. Raises TrainError if it is damaged."""
    remedy = f"delete {out}, or train into another --out"
    try:
        return records.read_record(out / FILE, _Record, error=TrainError, remedy=remedy).model_dump(exclude_unset=True)
    except FileNotFoundError:
        return None


def model_files(out: Path) -> dict[str, str]:
    """Checksums of the files of the trained model, and of what was trained beside it, by their paths in `out`."""
    paths = [path for name in MODELS for path in sorted((out / name).rglob("*")) if path.is_file()]
    return {path.relative_to(out).as_posix(): file_checksum(path) for path in paths}


def model_problem(out: Path, record: dict[str, Any]) -> str | None:
    """What is wrong with the files of a finished run's model, or None. Only those that were touched after the record are read."""
    written = (out / FILE).stat().st_mtime_ns
    for name, checksum in record.get("files", {}).items():
        path = out / name
        if not path.is_file():
            return f"{path}: missing"
        if path.stat().st_mtime_ns > written and file_checksum(path) != checksum:
            return f"{path}: changed since"
    return None


def is_finished(out: Path, record: dict[str, Any] | None) -> bool:
    """Whether the run of a record is finished, and its model still there and whole; if that is not so any more, it is logged."""
    if record is None or not record["finished"] or not (out / "model").exists():
        return False
    problem = model_problem(out, record)
    if problem is not None:
        logging.warning("%s; writing the model again from the last checkpoint", problem)
    return problem is None


def refuse_other_run(out: Path, record: dict[str, Any] | None, this: dict[str, str]) -> None:
    """Raise TrainError if the folder holds checkpoints or a model of a run with another recipe, base model or mix."""
    if record is None:
        return
    changed = [_WHAT[key] for key, value in this.items() if record.get(key) != value]
    if changed and ((out / "model").exists() or (out / "checkpoints").exists()):
        raise TrainError(f"{out}: holds a run with {' and '.join(changed)}; give another --out, or delete {out}")


def write_record(out: Path, record: dict[str, Any]) -> None:
    """Write run.json atomically."""
    write_owned(out / FILE, records.sealed(record))
