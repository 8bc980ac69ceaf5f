"""`OUT/run.json`: what a run is, so that a rerun knows whether to resume, to stop, or to refuse."""

import json
from pathlib import Path
from typing import Any

from shards.atomic import write_atomically
from train.errors import TrainError

FILE = "run.json"

_WHAT = {"recipe_hash": "another recipe", "model_hash": "another base model", "plan_hash": "another mix", "second_model_hash": "another reference or teacher"}


def identity(recipe_hash: str, model_hash: str, plan_hash: str) -> dict[str, str]:
    """What makes two runs the same run."""
    return {"recipe_hash": recipe_hash, "model_hash": model_hash, "plan_hash": plan_hash}


def read_record(out: Path) -> dict[str, Any] | None:
    """The folder's run.json, or None. Raises TrainError if it is damaged."""
    try:
        return json.loads((out / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise TrainError(f"{out / FILE}: not a run's record ({error}); delete {out}, or train into another --out") from None


def refuse_other_run(out: Path, record: dict[str, Any] | None, this: dict[str, str]) -> None:
    """Raise TrainError if the folder holds checkpoints or a model of a run with another recipe, base model or mix."""
    if record is None:
        return
    changed = [_WHAT[key] for key, value in this.items() if record.get(key) != value]
    if changed and ((out / "model").exists() or (out / "checkpoints").exists()):
        raise TrainError(f"{out}: holds a run with {' and '.join(changed)}; give another --out, or delete {out}")


def write_record(out: Path, record: dict[str, Any]) -> None:
    """Write run.json atomically."""
    write_atomically(out / FILE, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
