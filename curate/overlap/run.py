"""`curate overlap`: looks for items in training sets, slice by slice, and writes what it found of each item."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.overlap.decide import Finding, decide
from curate.overlap.excerpts import excerpts
from curate.overlap.items import OverlapItem, text_hash
from curate.overlap.recipe import ComparisonRecipe
from curate.overlap.record import CONTAMINATED, OVERLAP_NAME, OVERLAPS
from curate.overlap.scan import ScanTask, run_scan, save_indexes
from curate.overlap.training import open_training_sets, record_batch, slices
from shards import console
from shards.derived import drop_derived
from shards.folder import output_folder, write_owned
from shards.read import ShardSet
from shards.recipe import recipe_hash
from shards.record import json_hash, sealed
from shards.stages import Stage, run_tasks
from shards.write import refuse_other_kind, write_set

SCAN_VERSION = 2
"""Increased when the same items and documents would give other matches."""
_EXAMPLES_PER_SET = 3


def find_overlap(recipe: ComparisonRecipe, items: Sequence[OverlapItem]) -> dict[str, Any]:
    """Compare items with training sets, write overlap.json and a set with a row for each item to `recipe.out`, and return the content of overlap.json.

    Items of a set must be consecutive. An interrupted run resumes, and other thresholds need no second scan. Raises CurateError for a damaged training set.
    """
    sets = open_training_sets(recipe.against)
    with output_folder(recipe.out, [OVERLAP_NAME]):
        refuse_other_kind(recipe.out, "overlap")
        stage = _stage(items, sets, recipe)
        save_indexes(stage.folder, items, recipe.ngram, recipe.min_words, recipe.template_items)
        tasks = [ScanTask(number, part, stage.folder) for number, part in enumerate(slices(sets, recipe.task_bytes))]
        _scan(tasks, stage, recipe.workers)
        findings = decide(stage, len(tasks), items, recipe)
        rows = _rows(items, findings, tasks, sets)
        return _write(recipe, rows, sets, _totals(tasks, stage, len(sets)))


def _stage(items: Sequence[OverlapItem], sets: Sequence[ShardSet], recipe: ComparisonRecipe) -> Stage:
    key = {
        "version": SCAN_VERSION,
        "items": [[item.group, item.key, text_hash(item.texts)] for item in items],
        "against": [documents.manifest.hash for documents in sets],
        "settings": [recipe.ngram, recipe.min_words, recipe.template_items, recipe.task_bytes],
    }
    return Stage(recipe.out / "work" / json_hash(key))


def _scan(tasks: Sequence[ScanTask], stage: Stage, workers: int) -> None:
    stage.sweep()
    waiting = [task for task in tasks if not stage.is_done(task.number)]
    with console.progress("comparing", len(tasks)) as meter:
        meter.advance(len(tasks) - len(waiting))
        for index, result in run_tasks(run_scan, waiting, workers, "comparing"):
            if isinstance(result, CurateError):
                raise result
            if isinstance(result, Exception):
                raise CurateError(f"{waiting[index].part.path}: {type(result).__name__}: {result}") from result
            meter.advance(1, docs=result["documents"], MB=result["bytes"] / 1e6)


def _totals(tasks: Sequence[ScanTask], stage: Stage, n_sets: int) -> np.ndarray:
    """Documents and bytes of each training set, (n_sets, 2) int64."""
    totals = np.zeros((n_sets, 2), np.int64)
    for task in tasks:
        info = stage.info(task.number)
        totals[task.part.set] += info["documents"], info["bytes"]
    return totals


def _rows(items: Sequence[OverlapItem], findings: Sequence[Finding], tasks: Sequence[ScanTask], sets: Sequence[ShardSet]) -> list[dict[str, Any]]:
    """Rows of OVERLAPS. Record batches of training documents are read in order, each once, for the excerpts."""
    rows: list[dict[str, Any]] = []
    for item, finding in zip(items, findings, strict=True):
        row: dict[str, Any] = {"set": item.group, "item": item.key, "text_hash": text_hash(item.texts)} | asdict(finding)
        place = row.pop("place") and finding.place
        folder = str(sets[tasks[place.task].part.set].folder) if place else None
        rows.append(row | {"train_set": folder, "train_id": place and place.doc_id.hex(), "item_excerpt": None, "train_excerpt": None})
    shown = [(number, finding.place) for number, finding in enumerate(findings) if finding.kind in CONTAMINATED and finding.place]
    opened, texts = None, None
    for number, place in sorted(shown, key=lambda pair: (pair[1].task, pair[1].batch)):
        part = tasks[place.task].part
        if opened != (part.path, place.batch):
            opened, texts = (part.path, place.batch), record_batch(part.path, part.shard, place.batch).column("text")
        assert texts is not None
        rows[number]["item_excerpt"], rows[number]["train_excerpt"] = excerpts(items[number].text, texts[place.row].as_py() or "")
    return rows


def _write(recipe: ComparisonRecipe, rows: list[dict[str, Any]], sets: Sequence[ShardSet], totals: np.ndarray) -> dict[str, Any]:
    against = [
        {"folder": str(documents.folder), "manifest_hash": documents.manifest.hash, "documents": int(n_documents), "bytes": int(n_bytes)}
        for documents, (n_documents, n_bytes) in zip(sets, totals, strict=True)
    ]
    content: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": recipe_hash(recipe),
        "against": against,
        "sets": {name: _count([row for row in rows if row["set"] == name]) for name in dict.fromkeys(row["set"] for row in rows)},
        "examples": _examples(rows),
    }
    parents = [documents.parent(f"against {number}") for number, documents in enumerate(sets)]
    batches = pa.Table.from_pylist(rows, schema=OVERLAPS).to_batches()
    write_set(recipe.out, "overlap", OVERLAPS, batches, recipe=content["recipe"], recipe_hash=content["recipe_hash"], parents=parents)
    path, data = Path(recipe.out) / OVERLAP_NAME, sealed(content, allow_nan=False)
    if path.is_file() and path.read_bytes() != data:
        drop_derived(recipe.out, "make it again with `evaluate report`")
    write_owned(path, data)
    return content


def _count(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    kinds = Counter(row["kind"] for row in rows)
    touched = sum(row["kind"] == "none" and row["ngrams"] > 0 for row in rows)
    return {"items": len(rows)} | {kind: kinds[kind] for kind in (*CONTAMINATED, "none", "too_short")} | {"touched": touched}


def _examples(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Up to three items of each set: one of each kind first, since kinds show different things, then the others in order."""
    names = ("set", "item", "kind", "jaccard", "containment", "ngram_share", "train_set", "train_id", "item_excerpt", "train_excerpt")
    examples = []
    for name in dict.fromkeys(row["set"] for row in rows):
        hits = [row for row in rows if row["set"] == name and row["kind"] in CONTAMINATED]
        first = {row["kind"]: row for row in reversed(hits)}
        ordered = [first[kind] for kind in CONTAMINATED if kind in first]
        ordered += [row for row in hits if row not in ordered]
        examples += [{key: row[key] for key in names} for row in ordered[:_EXAMPLES_PER_SET]]
    return examples
