"""Outputs of `train`: what a run cost, which runs differ in their seed alone, and its curves over steps."""

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from eval.errors import EvalError
from eval.report.record import StepRecord, TrainRunRecord
from shards.errors import CptkitError
from shards.names import Checksum, Count
from shards.record import check_values, json_hash, read_record

Json = dict[str, Any]

OTHER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
"""Files besides *.safetensors that `evaluate run` counts to a model (`eval.models.ModelFolder.checksum`)."""
_SAME_SHARE = 0.005
"""Difference of two runs' shares of a source that rounding to whole rows explains."""
_STEP = re.compile(r"step-(\d+)")
_REMEDY = "resume the run with `train`, which writes it again"


class _Run(TrainRunRecord):
    name: str = ""
    recipe: dict[str, Any] = {}
    model_hash: str = ""
    finished: bool = False
    device: str = "cpu"
    processes: Annotated[Count, Field(ge=1)] = 1
    files: dict[str, Checksum] = {}


@dataclass(frozen=True)
class Cost:
    """What was spent up to a step. `gpu_hours` is seconds × devices; None for a run on CPUs, and all are None where unknown."""

    tokens: int | None = None
    seconds: float | None = None
    gpu_hours: float | None = None

    def of(self, kind: str) -> float | None:
        """The cost of one kind: tokens, seconds, gpu_hours."""
        value: float | None = getattr(self, kind)
        return value


@dataclass(frozen=True)
class TrainRun:
    """An output of `train`; `label` is its short name, `steps` the lines of metrics.jsonl."""

    folder: Path
    label: str
    record: Json
    steps: list[Json]

    @cached_property
    def model_checksum(self) -> str | None:
        """What `evaluate run` calls the checksum of its trained model; None before there is one."""
        files = {path.removeprefix("model/"): checksum for path, checksum in self.record.get("files", {}).items() if path.startswith("model/")}
        named = {name: checksum for name, checksum in files.items() if "/" not in name and (name.endswith(".safetensors") or name in OTHER_FILES)}
        return json_hash(named) if named else None

    @property
    def seed(self) -> int:
        """Seed of its recipe."""
        return int(self.record.get("recipe", {}).get("seed", 0))

    def cost(self, step: int | None = None) -> Cost:
        """Real tokens and seconds of the steps up to `step` (default: all), without evaluations and saving. Steps that a resumed run did twice count
        once."""
        steps = self.steps if step is None else [line for line in self.steps if line["step"] <= step]
        if not steps:
            return Cost(tokens=0, seconds=0.0, gpu_hours=None)
        before, seconds = 0, 0.0
        for line in steps:
            speed = line.get("tokens_per_second")
            seconds += (line["tokens"] - before) / speed if speed else math.nan
            before = line["tokens"]
        known = None if math.isnan(seconds) else seconds
        on_gpus = self.record.get("device") == "cuda" and known is not None
        return Cost(before, known, known * self.record.get("processes", 1) / 3600 if on_gpus and known is not None else None)

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of each source in the targets trained on."""
        counts = Counter[str]()
        for line in self.steps:
            counts.update(line["tokens_by_source"])
        return {name: count / counts.total() for name, count in counts.items()} if counts.total() else {}

    def repeats(self, other: "TrainRun") -> bool:
        """Whether another run differs in its seed, or that of its mix, alone: same base, settings, length, and shares of the sources."""
        if self._settings != other._settings or self.shares.keys() != other.shares.keys():
            return False
        lengths = self.steps[-1]["tokens"], other.steps[-1]["tokens"]
        is_as_long = abs(lengths[0] - lengths[1]) <= _SAME_SHARE * max(lengths)
        return is_as_long and all(abs(share - other.shares[name]) <= _SAME_SHARE for name, share in self.shares.items())

    @property
    def _settings(self) -> Json:
        recipe = {name: value for name, value in self.record.get("recipe", {}).items() if name not in ("seed", "name")}
        return {"recipe": recipe, "base": self.record.get("model_hash"), "start": self.record.get("start_hash")}

    @cached_property
    def base_scores(self) -> dict[str, float]:
        """Bits per byte of the base model by domain, where `evaluate.at_start` measured them."""
        return next((line["base_bits_per_byte"] for line in self.steps if line.get("base_bits_per_byte")), {})

    @cached_property
    def scored_steps(self) -> list[Json]:
        """Lines with bits per byte of held-out documents."""
        return [line for line in self.steps if line.get("bits_per_byte")]


def read_run(folder: Path, label: str) -> TrainRun:
    """Read an output of `train`. Raises EvalError if a file is damaged, or holds no steps."""
    record = read_record(folder / "run.json", dict[str, Any], error=EvalError, remedy=_REMEDY)
    check_values(record, _Run, str(folder / "run.json"), _REMEDY, error=EvalError)
    path, steps = folder / "metrics.jsonl", []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            steps.append(json.loads(line))
        except ValueError:
            raise EvalError(f"{path}, line {number}: not JSON; {_REMEDY}") from None
        check_values(steps[-1], StepRecord, f"{path}, line {number}", _REMEDY, error=EvalError)
    if not steps:
        raise EvalError(f"{path}: holds no steps; run `train` first")
    return TrainRun(folder, label, record, steps)


def group_repeats(runs: list[TrainRun]) -> list[list[TrainRun]]:
    """The runs in groups that differ in nothing but seeds, in order of their first run. Two runs of one seed on one mix are not repeats of each other."""
    groups: list[list[TrainRun]] = []
    for run in runs:
        for group in groups:
            if run.repeats(group[0]) and all((run.seed, run.record.get("plan_hash")) != (one.seed, one.record.get("plan_hash")) for one in group):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def mean_cost(costs: Sequence[Cost]) -> Cost:
    """Mean cost of one run of a recipe; unknown where it is unknown for one of them."""

    def mean(kind: str) -> float | None:
        values = [cost.of(kind) for cost in costs]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None

    tokens = mean("tokens")
    return Cost(None if tokens is None else round(tokens), mean("seconds"), mean("gpu_hours"))


def group_name(group: Sequence[TrainRun], members: Sequence[str], taken: Collection[str]) -> str:
    """A name for repeats called `members`: that of their recipes if it is one, else how all members begin, else all of them."""
    names = {run.record.get("name", "") for run in group}
    shared = _common_beginning(members).rstrip("-_ ./0123456789")
    candidates = [*(names if len(names) == 1 else ()), shared, " + ".join(members)]
    return next(name for name in candidates if name and name not in taken)


def _common_beginning(texts: Sequence[str]) -> str:
    length = 0
    while all(len(text) > length and text[length] == texts[0][length] for text in texts):
        length += 1
    return texts[0][:length]


def run_of_model(checksum: str, path: Path | None, runs: Sequence[TrainRun]) -> tuple[TrainRun | None, int | None]:
    """The run that trained an evaluated model, by the checksum of its files or by its folder; and the step if the model is one of its checkpoints."""
    for run in runs:
        if run.model_checksum == checksum:
            return run, None
    if path is not None and path.parent.name == "checkpoints" and (match := _STEP.fullmatch(path.name)):
        for run in runs:
            if run.folder.resolve() == path.parent.parent.resolve():
                return run, int(match[1])
    return None, None


def runs_beside(paths: Iterable[Path], known: Sequence[TrainRun]) -> list[TrainRun]:
    """Runs that trained the models at `paths` and are not among the `known`, if their outputs are still there."""
    folders = {run.folder.resolve() for run in known}
    found = []
    for path in paths:
        folder = path.parent.parent if path.parent.name == "checkpoints" else path.parent
        if (folder / "run.json").is_file() and (folder / "metrics.jsonl").is_file() and folder.resolve() not in folders:
            folders.add(folder.resolve())
            label = folder.resolve().parent.name if folder.resolve().name == "train" else folder.resolve().name
            with suppress(CptkitError):
                found.append(read_run(folder, label))
    return found
