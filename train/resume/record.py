"""`OUT/run.json`: identifies a run, so that a rerun knows whether to resume, to stop or to refuse."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mix.stream import Mix
from shards import record as records
from shards.atomic import file_checksum
from shards.folder import write_owned
from shards.names import Checksum, Count, InnerPath
from shards.recipe import recipe_hash
from train.errors import TrainError
from train.recipe import TrainRecipe

FILE = "run.json"
MODELS = ("model", "model-ema", "adapter")
"""Folders of models that a finished run may write."""

_CHANGED = {
    "recipe_hash": "another recipe",
    "settings_hash": "another recipe",
    "start_hash": "another resume_from",
    "model_hash": "another base model",
    "plan_hash": "another mix",
    "prefix_hash": "another mix",
    "second_model_hash": "another reference or teacher",
    "sample_hash": "another sample of old text",
}


@dataclass(frozen=True)
class RunIdentity:
    """What makes a run the same run. Its mix may be replaced by one that begins with the rows trained on so far, and then `steps` may change with it.

    `lasting` holds hashes that never change: `settings_hash` of the recipe without `steps`, `model_hash` of the base, and those of other inputs.
    """

    recipe_hash: str
    lasting: Mapping[str, str]
    mix: Mix

    def of_start(self) -> dict[str, str]:
        """Hashes that two starts share if nothing changed between them."""
        return dict(self.lasting) | {"recipe_hash": self.recipe_hash, "plan_hash": self.mix.plan_hash}

    def at(self, row: int) -> dict[str, str]:
        """Hashes of a checkpoint whose next row is `row`; `prefix_hash` stands for everything that decided the rows before it."""
        return dict(self.lasting) | {"prefix_hash": self.mix.plan.prefix_hash(row)}


def settings_hash(recipe: TrainRecipe) -> str:
    """Hash of the recipe without its number of steps."""
    return recipe_hash(recipe.model_copy(update={"steps": None}))


class PlanUse(BaseModel):
    """A plan that a run was trained on, from `first_row` on; `steps` is the number of steps that the run then had."""

    model_config = ConfigDict(extra="forbid")

    plan_hash: Checksum
    first_row: Count
    steps: Count


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


def refuse_other_run(out: Path, found: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    """Raise TrainError, naming what differs, if the folder holds checkpoints or a model of a run with other hashes than `expected`."""
    changed = list(dict.fromkeys(_CHANGED[key] for key, value in expected.items() if found.get(key) != value))
    if changed and ((out / "model").exists() or (out / "checkpoints").exists()):
        raise TrainError(f"{out}: holds a run with {' and '.join(changed)}; give another --out, or delete {out}")


def write_record(out: Path, record: dict[str, Any]) -> None:
    """Write run.json atomically."""
    write_owned(out / FILE, records.sealed(record))
