"""Results of one model from the folders of `evaluate run` and `evaluate tasks`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.frontier.runs import TrainRun, run_of_model
from eval.report.record import SummaryRecord
from eval.tasks.record import TASKS_NAME, TasksRecord
from shards.record import check_values, read_record

Json = dict[str, Any]

_RERUN = "rerun the command that wrote it"
_READERS: dict[str, Any] = {"summary.json": SummaryRecord, TASKS_NAME: TasksRecord}
METRICS = {
    "bits_per_byte": ("bits per byte", "lower is better"),
    "acc": ("accuracy", "higher is better"),
    "acc_norm": ("accuracy, normalised by length", "higher is better"),
    "exact_match": ("exact match", "higher is better"),
}


@dataclass(frozen=True)
class Result:
    """A value with its 95% interval; `change` is the row of differences against the base model, None without one."""

    kind: str
    name: str
    metric: str
    value: float
    low: float | None
    high: float | None
    size: int
    change: Json | None


@dataclass
class Results:
    """All results of a model; `baseline` is the name of the base model in the folders, `settings` what the numbers depend on."""

    model: str
    baseline: str
    rows: list[Result] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)


def read_results(folders: Sequence[Path], model: str | None, run: TrainRun | None) -> Results:
    """Results of `model`, or of the run's trained model. Raises EvalError if the folders do not have it, or have several to choose from."""
    records = [record for folder in folders for record in _records(folder)]
    found: Results | None = None
    for kind, record in records:
        name = model if model is not None else _chosen(record, run)
        if name not in record["models"]:
            continue
        found = found or Results(name, record["baseline"])
        found.rows += _rows(kind, record, name)
        recipe = record["recipe"]
        found.settings |= {key: str(recipe[key]) for key in ("context_tokens", "dtype") if recipe.get(key) is not None}
    if found is None:
        raise EvalError(f"model {model or 'of the run'}: not in {', '.join(map(str, folders))}; the models are {', '.join(_all_models(records))}")
    return found


def _records(folder: Path) -> list[tuple[str, Json]]:
    found = [name for name in _READERS if (folder / name).is_file()]
    if not found:
        raise EvalError(f"{folder}: neither summary.json nor {TASKS_NAME}; give output folders of `evaluate run` and `evaluate tasks`")
    records = []
    for name in found:
        content: Json = read_record(folder / name, dict[str, Any], error=EvalError, remedy=_RERUN)
        check_values(content, _READERS[name], str(folder / name), _RERUN, error=EvalError)
        records.append((name, content))
    return records


def _all_models(records: Sequence[tuple[str, Json]]) -> list[str]:
    return list(dict.fromkeys(name for _, record in records for name in record["models"]))


def _chosen(record: Json, run: TrainRun | None) -> str:
    """The trained model of the run; without a run, the only model besides the baseline."""
    paths = record["recipe"].get("models", {})
    others = [name for name in record["models"] if name != record["baseline"]]
    if run is not None:
        of_run = [name for name in others if _is_final(record["models"][name]["checksum"], paths.get(name), run)]
        return of_run[0] if of_run else ""
    if len(others) != 1:
        raise EvalError(f"--model: choose one of {', '.join(others) or 'none besides the baseline'}")
    return others[0]


def _is_final(checksum: str, path: str | None, run: TrainRun) -> bool:
    found, step = run_of_model(checksum, Path(path) if path else None, [run])
    return found is not None and step is None


def _rows(kind: str, record: Json, model: str) -> list[Result]:
    key = "domain" if kind == "summary.json" else "task"
    changes = {
        (row[key], row.get("metric", "bits_per_byte")): row for row in record["differences"] if (row["model"], row["against"]) == (model, record["baseline"])
    }
    rows = []
    for row in record["scores"]:
        if row["model"] == model:
            metric = row.get("metric", "bits_per_byte")
            value = row["value"] if key == "task" else row["bits_per_byte"]
            size = row["items"] if key == "task" else row["documents"]
            rows.append(Result(key, row[key], metric, value, row["low"], row["high"], size, changes.get((row[key], metric))))
    return rows
