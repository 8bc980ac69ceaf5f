"""The outputs of `mix build`, `train`, `evaluate run` and `mix proxies` below some folders: found, and read as far as a table of runs needs them."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mix.errors import MixError
from mix.plan import PLAN_NAME, Plan, read_plan
from mix.runs.proxy import FILE as PROXY_NAME
from mix.runs.proxy import Proxy, read_proxy
from mix.sources import content_of
from shards.errors import CptkitError
from shards.manifest import MANIFEST_NAME, Manifest, read_manifest
from shards.names import Checksum, Count, InnerPath
from shards.read import ShardSet
from shards.record import json_hash, read_record

RUN, METRICS, SUMMARY = "run.json", "metrics.jsonl", "summary.json"
_NOT_SEARCHED = frozenset(("checkpoints", "model", "model-ema", "adapter", "work", "tensorboard", "wandb", "documents", "held_out"))
_OTHER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


class _Facts(BaseModel):
    """Base: keys without a field here pass unchecked."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Settings(_Facts):
    seed: int = 0


class _Totals(_Facts):
    steps: Count
    tokens: Count


class RunFacts(_Facts):
    """Keys of `run.json` that are read here."""

    recipe: _Settings
    model_hash: Checksum
    plan_hash: Checksum
    finished: bool
    n_parameters: Count | None = None
    totals: _Totals | None = None
    files: dict[InnerPath, Checksum] = {}
    resumed_from: dict[str, Any] | None = None


class StepFacts(_Facts):
    """Keys of a line of `metrics.jsonl` that are read here. `tokens` counts real tokens so far, `tokens_by_source` the targets of this step."""

    step: Count
    tokens: Count
    lr: float
    tokens_by_source: dict[str, Count]
    bits_per_byte: dict[str, float] = {}
    base_bits_per_byte: dict[str, float] = {}


class ModelFacts(_Facts):
    """A model of `summary.json`."""

    checksum: Checksum
    n_parameters: Count | None = None


class _Score(_Facts):
    model: str
    domain: str
    bits_per_byte: float
    lossy: bool = False


class SummaryFacts(_Facts):
    """Keys of `summary.json` that are read here."""

    baseline: str
    models: dict[str, ModelFacts]
    scores: list[_Score]


@dataclass(frozen=True)
class Evaluation:
    """An output of `evaluate run`."""

    folder: Path
    facts: SummaryFacts

    def losses(self, model: str) -> dict[str, float]:
        """Bits per byte of a model by domain. Domains of which its tokenizer loses text are left out: what is lost costs no bits."""
        return {score.domain: score.bits_per_byte for score in self.facts.scores if score.model == model and not score.lossy}


@dataclass(frozen=True)
class TrainOutput:
    """An output of `train`; `name` is its folder below `top`, the one that was searched."""

    folder: Path
    top: Path
    name: str
    facts: RunFacts

    @cached_property
    def steps(self) -> list[StepFacts]:
        """The lines of metrics.jsonl. Raises MixError for a line that is none of `train`'s."""
        path = self.folder / METRICS
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as problem:
            raise MixError(f"{path}: cannot be read ({problem.strerror or problem})") from None
        for number, line in enumerate(lines, 1):
            try:
                _STEP.validate_json(line)
            except ValidationError as faults:
                fault = faults.errors()[0]
                raise MixError(f"{path}, line {number}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}; train the run again") from None
        return [_STEP.validate_json(line) for line in lines]

    @cached_property
    def model_checksum(self) -> str | None:
        """What `evaluate run` calls its trained model's checksum; None without a model."""
        named = {name: checksum for name, checksum in self._model_files.items() if name.endswith(".safetensors") or name in _OTHER_FILES}
        return json_hash(named) if named else None

    @cached_property
    def weights_hash(self) -> str | None:
        """What a run that starts from its trained model has as `model_hash`; None without a model."""
        weights = {name: checksum for name, checksum in self._model_files.items() if name.endswith(".safetensors")}
        try:
            config = json.loads((self.folder / "model" / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return json_hash({"config": config, "weights": weights}) if weights else None

    @property
    def _model_files(self) -> dict[str, str]:
        """Checksums of the files of the trained model, by name."""
        files = {path.removeprefix("model/"): checksum for path, checksum in self.facts.files.items() if path.startswith("model/")}
        return {name: checksum for name, checksum in files.items() if "/" not in name}


_STEP = TypeAdapter(StepFacts)


@dataclass(frozen=True)
class MixOutput:
    """An output of `mix build`."""

    folder: Path
    manifest: Manifest

    @cached_property
    def plan(self) -> Plan:
        """Its plan. Raises MixError if it is damaged."""
        return read_plan(ShardSet(self.folder, "mix", verify=False))

    @property
    def tokenizer(self) -> str:
        """SHA-256 of the tokenizer."""
        return str(self.manifest.info["tokenizer_sha256"])

    @cached_property
    def contents(self) -> dict[str, str]:
        """Hash of the tokens of each source, without those whose packed rows are gone."""
        contents = {}
        for source in self.plan.sources:
            try:
                rows = read_manifest(self.folder.joinpath(*self.plan.rows_folder(source)))
            except CptkitError:
                continue
            contents[source.name] = _content_of(rows)
        return contents


def _content_of(rows: Manifest) -> str:
    """Hash of the tokens that a source's rows were packed from; groups of a split source differ in the group."""
    content = content_of(rows.parents)
    arrangement = rows.recipe.get("arrangement") or {}
    return json_hash([content, arrangement["split"]]) if arrangement.get("split") else content


@dataclass
class Outputs:
    """Everything found, in sorted order of folders. `proxies` are by folder; `problems` are notes on what could not be read."""

    runs: list[TrainOutput] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    mixes: dict[str, MixOutput] = field(default_factory=dict)
    """by plan hash"""
    proxies: dict[Path, Proxy] = field(default_factory=dict)
    tops: dict[Path, Path] = field(default_factory=dict)
    """the searched folder of each proxy"""
    problems: list[str] = field(default_factory=list)

    def label(self, top: Path) -> str:
        """A short name of a searched folder, its path if another one has the same name."""
        tops = {*self.tops.values(), *(run.top for run in self.runs)}
        return str(top) if any(other != top and other.resolve().name == top.resolve().name for other in tops) else top.resolve().name


def find_outputs(folders: Sequence[Path]) -> Outputs:
    """Search folders and everything below them, each folder once. Raises MixError for a folder that does not exist."""
    found, seen = Outputs(), set[Path]()
    for top in folders:
        if not Path(top).is_dir():
            raise MixError(f"{top}: no such folder; give folders with outputs of `train` and `evaluate run`")
        for folder, names in _folders_below(Path(top)):
            if folder.resolve() in seen:
                continue
            seen.add(folder.resolve())
            try:
                _add(found, Path(top), folder, names)
            except CptkitError as problem:
                found.problems.append(f"left out: {problem}")
    return found


def _folders_below(top: Path) -> Iterator[tuple[Path, set[str]]]:
    """Each folder with the names of its files, parents first, in sorted order; links are not followed."""
    for folder, inner, files in os.walk(top):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _NOT_SEARCHED)
        yield Path(folder), set(files)


def _add(found: Outputs, top: Path, folder: Path, names: set[str]) -> None:
    if PROXY_NAME in names:
        found.proxies[folder] = read_proxy(folder)
        found.tops[folder] = top
    if {RUN, METRICS} <= names:
        facts = read_record(folder / RUN, RunFacts, error=MixError, remedy="train the run again")
        found.runs.append(TrainOutput(folder, top, _name(top, folder), facts))
    if SUMMARY in names and MANIFEST_NAME in names:
        found.evaluations.append(Evaluation(folder, read_record(folder / SUMMARY, SummaryFacts, error=MixError, remedy="rerun `evaluate run`")))
    if {PLAN_NAME, MANIFEST_NAME} <= names:
        manifest = read_manifest(folder)
        if manifest.kind == "mix":
            found.mixes.setdefault(str(manifest.info["plan_hash"]), MixOutput(folder, manifest))


def _name(top: Path, folder: Path) -> str:
    """The folder of a run below `top`, without a last part `train`."""
    parts = folder.relative_to(top).parts
    parts = parts[:-1] if parts and parts[-1] == "train" else parts
    named = top if parts or top.resolve().name != "train" else top.resolve().parent
    return "/".join(parts) or named.resolve().name
