"""All documents of a run, without their texts: what deciders read and write.

Memory: about 60 bytes per document. Larger data (signals, signatures) is read task by task from the measure stage.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.dedup.exact import id_words
from curate.rules.fired import FIRED, fired
from shards.stages import Stage

DROPPED, KEPT, HELD_OUT = 0, 1, 2
OUTCOMES = pa.schema([("outcome", pa.uint8()), ("cluster_size", pa.int64())])
"""One row per measured document, in order. `cluster_size`: documents that a kept one represents, itself included; 0 if dropped."""


class Collection:
    """Documents are indexed from 0 in the order of the inputs; `offsets[task]:offsets[task + 1]` are those of a task."""

    def __init__(self, measured: Stage, decided: Stage, n_tasks: int) -> None:
        self._measured, self._decided, self.n_tasks = measured, decided, n_tasks
        passed = [np.asarray(decided.table(task, "passed")["passed"]) for task in range(n_tasks)]
        self.offsets = np.concatenate([[0], np.cumsum([len(of_task) for of_task in passed])]).astype(np.int64)
        self.passed = np.concatenate([np.empty(0, bool), *passed])
        """(n_docs,) bool: not dropped so far."""
        self.cluster_size = np.ones(len(self), np.int64)
        """(n_docs,) int64: documents that a surviving one represents, itself included."""
        self._fired: list[pl.DataFrame] = []
        self._cuts: list[np.ndarray] = []
        self.notes: dict[str, Any] = {}
        """Summaries for the report, by stage."""

    @property
    def folder(self) -> Path:
        """Folder of the measure stage, with what steps prepared for all workers."""
        return self._measured.folder

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def survivors(self) -> np.ndarray:
        """Indices of the documents not dropped so far, (n_passed,) int64, ascending."""
        return np.flatnonzero(self.passed)

    @cached_property
    def ids(self) -> np.ndarray:
        """(n_docs, 2) uint64."""
        return np.concatenate([np.empty((0, 2), np.uint64), *(id_words(table["doc_id"]) for table in self.tables("signals", ["doc_id"]))])

    @cached_property
    def n_bytes(self) -> np.ndarray:
        """UTF-8 bytes of each text, (n_docs,) int64."""
        return self.signal("text_bytes")

    @cached_property
    def sources(self) -> tuple[np.ndarray, list[str]]:
        """Source of each document, (n_docs,) int32 codes, and the names in order of appearance."""
        codes, names = [np.empty(0, np.int32)], {}  # type: ignore[var-annotated]
        for table in self.tables("signals", ["source"]):
            encoded = table["source"].combine_chunks().dictionary_encode()
            known = np.array([names.setdefault(name, len(names)) for name in encoded.dictionary.to_pylist()], np.int32)
            codes.append(known[np.asarray(encoded.indices)])
        return np.concatenate(codes), list(names)

    def signal(self, name: str) -> np.ndarray:
        """One numeric signal of all documents, (n_docs,). Raises KeyError if it was not measured."""
        return np.concatenate([table[name].to_numpy() for table in self.tables("signals", [name])]) if self.n_tasks else np.empty(0)

    def table(self, task: int, name: str, columns: list[str] | None = None) -> pa.Table:
        """A table of the measure stage for one task; memory-mapped if it was written uncompressed."""
        return self._measured.table(task, name, columns)

    @cached_property
    def signal_names(self) -> list[str]:
        """Names of the numeric signals."""
        schema = self._measured.table(0, "signals").schema if self.n_tasks else pa.schema([])
        return [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)]

    def metadata(self, name: str, docs: np.ndarray) -> pl.Series:
        """A metadata key of `docs (n,) int64` as strings (n,); null where missing or empty."""
        values = pl.Series([None] * len(docs), dtype=pl.String)
        for task in range(self.n_tasks):
            here = np.flatnonzero((docs >= self.offsets[task]) & (docs < self.offsets[task + 1]))
            if len(here):
                column = pl.Series(self._measured.table(task, "documents", ["metadata"])["metadata"])[docs[here] - self.offsets[task]]
                values[here] = column.str.json_path_match(f"$['{name}']").replace("", None)
        return values

    def set_rules_aside(self) -> None:
        """Count documents dropped only by rules as not dropped, until `take_rules_back`."""
        self._judged = self.passed
        by_rule = [pl.DataFrame(self._decided.table(task, "fired", ["row", "stage"])) for task in range(self.n_tasks)]
        self.passed = np.ones(len(self), bool)
        for first, fired_ in zip(self.offsets, by_rule, strict=False):
            self.passed[first + fired_.filter(pl.col("stage") != "rules")["row"].to_numpy()] = False

    def take_rules_back(self) -> None:
        """Drop the documents again that rules had dropped."""
        self.passed &= self._judged

    def tables(self, name: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """A table of the measure stage, task by task."""
        return (self.table(task, name, columns) for task in range(self.n_tasks))

    def drop(
        self,
        docs: np.ndarray,
        stage: str,
        rule: str,
        value: np.ndarray | pl.Series | float | None = None,
        threshold: float | None = None,
        detail: pl.Series | None = None,
        twin: np.ndarray | None = None,
    ) -> None:
        """Drop `docs (n,) int64` with one verdict each. `value (n,)`; `detail (n,)` strings; `twin (n,)`: the documents kept instead, which
        become the detail `ID FILE:ROW`."""
        self.passed[docs] = False
        if twin is not None:
            detail = self.names(twin)
        self._fired.append(fired(pl.DataFrame({"row": docs}), stage=stage, rule=rule, value=value, threshold=threshold, detail=detail))

    def stand_for(self, docs: np.ndarray, twin: np.ndarray) -> None:
        """Add the `cluster_size` of the dropped `docs (n,)` to the documents kept instead, `twin (n,)`."""
        np.add.at(self.cluster_size, twin, self.cluster_size[docs])

    def cut(self, docs: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        """Remove bytes `starts:ends` (n,) int64 of the final UTF-8 texts of `docs (n,) int64` when they are written.

        Ranges may overlap; they start and end at character boundaries.
        """
        self._cuts.append(np.stack([docs, starts, ends], axis=1).astype(np.int64))

    def note(self, stage: str, summary: dict[str, Any]) -> None:
        """Add a stage's summary, JSON, to `removed` of the report."""
        self.notes[stage] = summary

    @property
    def cuts(self) -> np.ndarray:
        """All ranges to remove, (n, 3) int64: document, start, end; sorted."""
        cuts = np.concatenate([np.empty((0, 3), np.int64), *self._cuts])
        return cuts[np.lexsort((cuts[:, 2], cuts[:, 1], cuts[:, 0]))]

    @property
    def verdicts(self) -> pl.DataFrame:
        """All verdicts so far, with the schema `FIRED`, sorted by document."""
        return pl.concat([pl.DataFrame(schema=FIRED), *self._fired]).sort("row", maintain_order=True)

    def names(self, docs: np.ndarray) -> pl.Series:
        """`ID FILE:ROW` of each of `docs (n,)`."""
        names = np.empty(len(docs), dtype=object)
        for task in range(self.n_tasks):
            here = np.flatnonzero((docs >= self.offsets[task]) & (docs < self.offsets[task + 1]))
            if len(here):
                table = pl.DataFrame(self._measured.table(task, "signals", ["doc_id", "file", "row"]))[docs[here] - self.offsets[task]]
                names[here] = table.select(pl.format("{} {}:{}", pl.col("doc_id").bin.encode("hex"), "file", "row")).to_series().to_numpy()
        return pl.Series(names.tolist(), dtype=pl.String)
