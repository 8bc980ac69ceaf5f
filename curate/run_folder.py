"""What a finished run knows about each document: where it was read, what was measured, every verdict, its text."""

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
    """`work/run.json`, written last: the key of recipe and inputs, the stage that holds what was measured, and its number of tasks."""

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
    """`recipe` of the documents' manifest, only the keys read by name; `curate decide` parses all of it as a recipe."""

    inputs: list[_InputPath]
    rewrite: dict[str, Any]
    dedup: _Dedup


class RunFacts(NamedTuple):
    """`report.json`, `timings.json` (empty if there is none), and what the manifest of the documents holds."""

    report: dict[str, Any]
    timings: dict[str, Any]
    recipe: dict[str, Any]
    inputs: list[dict[str, Any]]
    n_files: int


def read_run_record(out: Path) -> RunRecord:
    """Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    return read_record(Path(out) / "work" / "run.json", RunRecord, error=CurateError, remedy=_RERUN)


def read_report(out: Path) -> dict[str, Any]:
    """`report.json` of a finished run. Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    path = Path(out) / "report.json"
    report = read_record(path, dict[str, Any], error=CurateError, remedy=_RERUN)
    check_values(report, ReportRecord, str(path), _RERUN, error=CurateError)
    return report


def documents_manifest(out: Path) -> Manifest:
    """The manifest of a run's documents. Raises ShardError if there is none, CurateError if what a run says in it cannot be."""
    folder = Path(out) / "documents"
    manifest = ShardSet(folder, "documents", verify=False).manifest
    for name, content, model in (("info", manifest.info, _DocumentsInfo), ("recipe", manifest.recipe, _DocumentsRecipe)):
        check_values(content, model, f"{folder / MANIFEST_NAME}: {name}", _RERUN, error=CurateError)
    return manifest


class RunFolder:
    """An output folder. `documents` numbers all documents as they were read; that number is `row_index` everywhere here."""

    def __init__(self, out: Path, measured: Stage, n_tasks: int) -> None:
        self.out, self.measured, self.n_tasks = out, measured, n_tasks

    @classmethod
    def open(cls, out: Path) -> "RunFolder":
        """Open a finished run. Raises CurateError if the folder holds none, and says what it holds instead."""
        out = Path(out)
        try:
            record = read_run_record(out)
        except FileNotFoundError:
            raise no_run(out) from None
        measured = Stage(out / "work" / record.measured)
        if not measured.folder.is_dir():
            raise CurateError(f"{measured.folder}: no finished run here: what it measured is gone; rerun the same `curate run`")
        told = read_manifest(out / "signals").n_rows
        there = sum(file.n_rows for task in range(record.n_tasks) for file in measured.files(task, "signals"))
        if told != there:
            path = out / "work" / "run.json"
            raise CurateError(f"{path}: n_tasks {record.n_tasks}: they measured {there:,} documents, the run's signals are of {told:,}; {_RERUN}")
        return cls(out, measured, record.n_tasks)

    @cached_property
    def documents(self) -> pl.DataFrame:
        """Signals of every document that could be read, with `row_index` and `cluster_size` (null: dropped) and `set`."""
        signals = pl.concat([pl.DataFrame(table) for table in ShardSet(self.out / "signals", "signals").tables()])
        survivors = pl.concat([self._survivors("documents"), self._survivors("held_out")])
        return signals.with_row_index("row_index").join(survivors, on=["file", "row"], how="left", maintain_order="left")

    @cached_property
    def verdicts(self) -> pl.DataFrame:
        """Every verdict, with the `row_index` of its document (null for what could not be read)."""
        table = pl.DataFrame(ShardSet(self.out / "verdicts", "verdicts").to_table())
        return table.join(self.documents.select("file", "row", "row_index"), on=["file", "row"], how="left", maintain_order="left")

    def texts(self, row_indices: Iterable[int]) -> dict[int, dict[str, str]]:
        """`text`, `url` and `metadata` of documents by `row_index`."""
        wanted = np.unique(np.fromiter(row_indices, dtype=np.int64))
        found, first = {}, 0
        for task in range(self.n_tasks):
            stop = first + sum(file.n_rows for file in self.measured.files(task, "documents"))
            here = wanted[(wanted >= first) & (wanted < stop)]
            if len(here):
                table = self.measured.table(task, "documents").select(["text", "url", "metadata"])
                found.update(dict(zip(here.tolist(), table.take(here - first).to_pylist(), strict=True)))
            first = stop
        return found

    def _survivors(self, name: str) -> pl.DataFrame:
        table = ShardSet(self.out / name, "documents", verify=False).to_table(["file", "row", "cluster_size"])
        return pl.DataFrame(table).with_columns(set=pl.lit(name))


def read_run(out: Path) -> RunFacts:
    """Raises CurateError if the folder holds no finished run."""
    out = Path(out)
    if (out / "work").is_dir():
        RunFolder.open(out)  # refuses a run whose sets are being exchanged, or were when it stopped
    try:
        report = read_report(out)
        manifest = documents_manifest(out)
    except (FileNotFoundError, ShardError):
        raise no_run(out) from None
    path, remedy = out / "timings.json", "delete it, nothing else depends on it"
    try:
        told = read_record(path, dict[str, Any], error=CurateError, remedy=remedy)
        check_values(told, _TimingsRecord, str(path), remedy, error=CurateError)
    except FileNotFoundError:
        told = {}
    return RunFacts(report, told, dict(manifest.recipe), list(manifest.info["inputs"]), len(manifest.files))


def no_run(out: Path) -> CurateError:
    """Why a folder is not that of a finished run, and what to do."""
    if not out.exists():
        return CurateError(f"{out}: no such folder; --run takes the folder that `curate run` wrote")
    if not out.is_dir():
        return CurateError(f"{out}: a file; --run takes the folder that `curate run` wrote")
    if (out / "work").is_dir():
        return CurateError(f"{out}: no finished run here: it is under way or was stopped; wait for it, or rerun the same command to finish it")
    if (out / "manifest.json").is_file() and (out.parent / "work").is_dir():
        return CurateError(f"{out}: no finished run here: this is one set of a run; give the folder above it")
    return CurateError(f"{out}: no finished run here; give the folder that `curate run` wrote")


def kept_ids(out: Path) -> pl.DataFrame:
    """`file`, `row` and `id` of every document that a finished run measured, in its order; id null for those it neither kept nor held out."""
    place = ["file", "row"]
    written = pl.concat([pl.DataFrame(ShardSet(out / name, "documents", verify=False).to_table([*place, "id"])) for name in ("documents", "held_out")])
    measured = pl.DataFrame(ShardSet(out / "signals", "signals", verify=False).to_table(place))
    return measured.join(written, on=place, how="left", maintain_order="left")
