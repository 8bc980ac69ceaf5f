"""`OUT/run.json`: identifies a run, so that a rerun knows whether to resume, to stop or to refuse."""

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
"""Folders of models that a finished run may write."""

_CHANGED = {
    "recipe_hash": "another recipe",
    "model_hash": "another base model",
    "plan_hash": "another mix",
    "second_model_hash": "another reference or teacher",
    "sample_hash": "another sample of old text",
}


def identity(recipe_hash: str, model_hash: str, plan_hash: str) -> dict[str, str]:
    """Hashes that two runs share exactly if they are the same run."""
    return {"recipe_hash": recipe_hash, "model_hash": model_hash, "plan_hash": plan_hash}


class _Totals(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: Count
    tokens: Count
    loss: float | None


class _Record(BaseModel):
    """The keys of `run.json` that are read by name; `files` maps paths in OUT of the trained model's files to their checksums."""

    model_config = ConfigDict(extra="allow")

    recipe_hash: Checksum
    model_hash: Checksum
    plan_hash: Checksum
    second_model_hash: Checksum | None = None
    sample_hash: Checksum | None = None
    finished: bool
    totals: _Totals | None = None
    files: dict[InnerPath, Checksum] = {}


def read_record(out: Path) -> dict[str, Any] | None:
    """The folder's run.json, or None if it has none. Raises TrainError if it is damaged."""
    remedy = f"delete {out}, or train into another --out"
    try:
        return records.read_record(out / FILE, _Record, error=TrainError, remedy=remedy).model_dump(exclude_unset=True)
    except FileNotFoundError:
        return None


def model_files(out: Path) -> dict[str, str]:
    """Checksums of the files of the trained model, its moving average and its adapter, by their paths in `out`."""
    paths = [path for name in MODELS for path in sorted((out / name).rglob("*")) if path.is_file()]
    return {path.relative_to(out).as_posix(): file_checksum(path) for path in paths}


def model_problem(out: Path, record: dict[str, Any]) -> str | None:
    """The first fault of a finished run's model files, or None. Only files modified after the record are read."""
    written = (out / FILE).stat().st_mtime_ns
    for name, checksum in record.get("files", {}).items():
        path = out / name
        if not path.is_file():
            return f"{path}: missing"
        if path.stat().st_mtime_ns > written and file_checksum(path) != checksum:
            return f"{path}: changed after the run"
    return None


def is_finished(out: Path, record: dict[str, Any] | None) -> bool:
    """Whether the run of a record is finished and its model is complete; logs a warning if the model was damaged since."""
    if record is None or not record["finished"] or not (out / "model").exists():
        return False
    problem = model_problem(out, record)
    if problem is not None:
        logging.warning("%s; writing the model again from the last checkpoint", problem)
    return problem is None


def refuse_other_run(out: Path, record: dict[str, Any] | None, run_identity: dict[str, str]) -> None:
    """Raise TrainError if the folder holds checkpoints or a model of a run with another recipe, base model or mix."""
    if record is None:
        return
    changed = [_CHANGED[key] for key, value in run_identity.items() if record.get(key) != value]
    if changed and ((out / "model").exists() or (out / "checkpoints").exists()):
        raise TrainError(f"{out}: holds a run with {' and '.join(changed)}; give another --out, or delete {out}")


def write_record(out: Path, record: dict[str, Any]) -> None:
    """Write run.json atomically."""
    write_owned(out / FILE, records.sealed(record))
