"""The output folder of a finished run: its records, and for each document its source, signals, verdicts and text."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from curate.errors import CurateError
from shards.errors import ShardError
from shards.manifest import MANIFEST_NAME, Manifest, read_manifest
from shards.names import Checksum, Count, FileName
from shards.read import ShardSet
from shards.record import check_values, read_record
from shards.report_record import Facts, ReportRecord
from shards.stages import Stage

_RERUN = "rerun the same `curate run`"


class RunRecord(BaseModel):
    """`work/run.json`, written last: the key of recipe and inputs, the measure stage, and its number of tasks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Checksum
    measured: FileName
    n_tasks: Count


_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Timed(Facts):
    stage: str
    tasks: Count
    seconds: _Seconds


class _TimingsRecord(Facts):
    """`timings.json`."""

    stages: list[_Timed]
    steps: dict[str, _Seconds]


class _Input(Facts):
    source: str
    license: str
    files: Count
    checksum: str


class _DocumentsInfo(Facts):
    """`info` of the documents' manifest."""

    inputs: list[_Input]


class _InputPath(Facts):
    path: str


class _Dedup(Facts):
    before_rules: bool


class _DocumentsRecipe(Facts):
    """`recipe` of the documents' manifest, only the keys read here; `curate decide` parses the whole recipe."""

    inputs: list[_InputPath]
    rewrite: dict[str, Any]
    dedup: _Dedup


class RunFacts(NamedTuple):
    """`report.json`, `timings.json` (empty if there is none), and the content of the documents' manifest."""

    report: dict[str, Any]
    timings: dict[str, Any]
    recipe: dict[str, Any]
    inputs: list[dict[str, Any]]
    n_files: int


def read_run_record(out: Path) -> RunRecord:
    """`work/run.json` of a run. Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    return read_record(Path(out) / "work" / "run.json", RunRecord, error=CurateError, remedy=_RERUN)


def read_report(out: Path) -> dict[str, Any]:
    """`report.json` of a finished run. Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    path = Path(out) / "report.json"
    report = read_record(path, dict[str, Any], error=CurateError, remedy=_RERUN)
    check_values(report, ReportRecord, str(path), _RERUN, error=CurateError)
    return report


def documents_manifest(out: Path) -> Manifest:
    """The manifest of a run's documents. Raises ShardError if there is none, CurateError if its content is invalid."""
    folder = Path(out) / "documents"
    manifest = ShardSet(folder, "documents", verify=False).manifest
    for name, content, model in (("info", manifest.info, _DocumentsInfo), ("recipe", manifest.recipe, _DocumentsRecipe)):
        check_values(content, model, f"{folder / MANIFEST_NAME}: {name}", _RERUN, error=CurateError)
    return manifest


class RunFolder:
    """An open output folder. `row_index` is the index of a document in reading order."""

    def __init__(self, out: Path, measured: Stage, n_tasks: int) -> None:
        self.out, self.measured, self.n_tasks = out, measured, n_tasks

    @classmethod
    def open(cls, out: Path) -> "RunFolder":
        """Open a finished run. Raises CurateError if the folder holds none; the message says what it holds instead."""
        out = Path(out)
        try:
            record = read_run_record(out)
        except FileNotFoundError:
            raise no_run(out) from None
        measured = Stage(out / "work" / record.measured)
        if not measured.folder.is_dir():
            raise CurateError(f"{measured.folder}: no finished run here: its measured tables are missing; rerun the same `curate run`")
        n_signals = read_manifest(out / "signals").n_rows
        n_measured = sum(file.n_rows for task in range(record.n_tasks) for file in measured.files(task, "signals"))
        if n_signals != n_measured:
            path = out / "work" / "run.json"
            raise CurateError(f"{path}: n_tasks {record.n_tasks}: they measured {n_measured:,} documents, but the run has signals of {n_signals:,}; {_RERUN}")
        return cls(out, measured, record.n_tasks)

    @cached_property
    def documents(self) -> pl.DataFrame:
        """Signals of every readable document, with `row_index`, `set` and `cluster_size` (null if dropped)."""
        signals = pl.concat([pl.DataFrame(table) for table in ShardSet(self.out / "signals", "signals").tables()])
        survivors = pl.concat([self._survivors("documents"), self._survivors("held_out")])
        return signals.with_row_index("row_index").join(survivors, on=["file", "row"], how="left", maintain_order="left")

    @cached_property
    def verdicts(self) -> pl.DataFrame:
        """Every verdict, with the `row_index` of its document (null for unreadable records)."""
        table = pl.DataFrame(ShardSet(self.out / "verdicts", "verdicts").to_table())
        return table.join(self.documents.select("file", "row", "row_index"), on=["file", "row"], how="left", maintain_order="left")

    def texts(self, row_indices: Iterable[int]) -> dict[int, dict[str, str]]:
        """`text`, `url` and `metadata` of documents by `row_index`."""
        wanted = np.unique(np.fromiter(row_indices, dtype=np.int64))
        contents, first = {}, 0
        for task in range(self.n_tasks):
            stop = first + sum(file.n_rows for file in self.measured.files(task, "documents"))
            in_task = wanted[(wanted >= first) & (wanted < stop)]
            if len(in_task):
                table = self.measured.table(task, "documents").select(["text", "url", "metadata"])
                contents.update(dict(zip(in_task.tolist(), table.take(in_task - first).to_pylist(), strict=True)))
            first = stop
        return contents

    def _survivors(self, name: str) -> pl.DataFrame:
        table = ShardSet(self.out / name, "documents", verify=False).to_table(["file", "row", "cluster_size"])
        return pl.DataFrame(table).with_columns(set=pl.lit(name))


def read_run(out: Path) -> RunFacts:
    """What a report or card needs to know. Raises CurateError if the folder holds no finished run."""
    out = Path(out)
    if (out / "work").is_dir():
        RunFolder.open(out)  # refuses a run that is replacing its sets, or stopped while doing so
    try:
        report = read_report(out)
        manifest = documents_manifest(out)
    except (FileNotFoundError, ShardError):
        raise no_run(out) from None
    path, remedy = out / "timings.json", "delete it, nothing else depends on it"
    try:
        timings = read_record(path, dict[str, Any], error=CurateError, remedy=remedy)
        check_values(timings, _TimingsRecord, str(path), remedy, error=CurateError)
    except FileNotFoundError:
        timings = {}
    return RunFacts(report, timings, dict(manifest.recipe), list(manifest.info["inputs"]), len(manifest.files))


def no_run(out: Path) -> CurateError:
    """The error for a folder that holds no finished run: the reason, and what to do."""
    if not out.exists():
        return CurateError(f"{out}: no such folder; --run takes the folder that `curate run` wrote")
    if not out.is_dir():
        return CurateError(f"{out}: this is a file; --run takes the folder that `curate run` wrote")
    if (out / "work").is_dir():
        return CurateError(f"{out}: no finished run here: the run is under way or was stopped; wait, or rerun the same command to finish it")
    if (out / "manifest.json").is_file() and (out.parent / "work").is_dir():
        return CurateError(f"{out}: no finished run here: this is one set of a run; give the folder above it")
    return CurateError(f"{out}: no finished run here; give the folder that `curate run` wrote")


def kept_ids(out: Path) -> pl.DataFrame:
    """`file`, `row` and `id` of every document of a finished run, in reading order; `id` is null for dropped documents."""
    place = ["file", "row"]
    written = pl.concat([pl.DataFrame(ShardSet(out / name, "documents", verify=False).to_table([*place, "id"])) for name in ("documents", "held_out")])
    measured = pl.DataFrame(ShardSet(out / "signals", "signals", verify=False).to_table(place))
    return measured.join(written, on=place, how="left", maintain_order="left")
