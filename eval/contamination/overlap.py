"""What is known of held-out documents and task items: read from an output folder of `curate overlap`, or found now."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.overlap.items import OverlapItem, text_hash
from curate.overlap.recipe import ComparisonRecipe
from curate.overlap.record import CONTAMINATED, OVERLAP_NAME, read_overlap
from eval.errors import EvalError
from shards.manifest import MANIFEST_NAME, read_manifest
from shards.read import ShardSet
from shards.record import json_hash

KINDS = (*CONTAMINATED, "none", "too_short")


class Overlap(NamedTuple):
    """Rows of `curate overlap` (`curate.overlap.record.OVERLAPS`) for the items asked about, in their order.

    `against`: folder, documents and bytes of each training set. `examples`: as in overlap.json. `note`: what was not checked, or "".
    """

    rows: list[dict[str, Any]]
    against: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    note: str = ""


def overlap_of(items: Sequence[OverlapItem], train_documents: Sequence[Path], folder: Path | None, work: Path) -> Overlap | None:
    """What `folder` says of the items; without a folder, what a comparison with `train_documents` finds; None if neither is given.

    The comparison is made once for the same items and sets, in a folder of its own in `work`. Without the extra `curate`, only documents with equal ids are
    found, and `note` says so. Raises EvalError if the folder does not know an item.
    """
    if folder is not None:
        return _read(items, folder)
    if not train_documents:
        return None
    try:
        return _read(items, _compare(items, train_documents, work))
    except ModuleNotFoundError as error:
        note = f"only equal documents were looked for, because the package {error.name} is not installed; install cptkit[curate] to find near-duplicates"
        logging.warning("contamination: %s", note)
        return _by_id(items, train_documents, note)


def _compare(items: Sequence[OverlapItem], train_documents: Sequence[Path], work: Path) -> Path:
    from curate.overlap.run import SCAN_VERSION, find_overlap

    hashes = [read_manifest(_documents_of(folder)).hash for folder in train_documents]
    out = work / f"overlap-{json_hash([SCAN_VERSION, hashes, [[item.group, item.key, text_hash(item.texts)] for item in items]])}"
    if not (out / OVERLAP_NAME).is_file():
        find_overlap(ComparisonRecipe(against=tuple(train_documents), out=out), items)
    return out


def _documents_of(folder: Path) -> Path:
    inner = Path(folder) / "documents"
    return inner if (inner / MANIFEST_NAME).is_file() else Path(folder)


def _read(items: Sequence[OverlapItem], folder: Path) -> Overlap:
    """Documents are identified by their id, other items by a hash of their texts."""
    record = read_overlap(folder, EvalError)
    by_name: dict[str, dict[str, Any]] = {}
    for row in ShardSet(folder, "overlap").to_table().to_pylist():
        by_name[row["item"]] = by_name[row["text_hash"]] = row
    names = [item.doc_id.hex() if item.doc_id else text_hash(item.texts) for item in items]
    unknown = [item for item, name in zip(items, names, strict=True) if name not in by_name]
    if unknown:
        where = f"{len(unknown)} of {len(items)} items were not checked in {folder}, the first is {unknown[0].key} of {unknown[0].group}"
        raise EvalError(f"contamination: {where}; run `curate overlap` on these items, or give train_documents instead")
    rows = [by_name[name] | {"set": item.group, "item": item.key} for item, name in zip(items, names, strict=True)]
    return Overlap(rows, [facts.model_dump() for facts in record.against], [facts.model_dump() for facts in record.examples])


def _by_id(items: Sequence[OverlapItem], train_documents: Sequence[Path], note: str) -> Overlap:
    ids = pa.array([item.doc_id for item in items if item.doc_id], pa.binary(16))
    seen: dict[bytes, str] = {}
    against = []
    for folder in map(_documents_of, train_documents):
        documents = ShardSet(folder, "documents")
        against.append({"folder": str(folder), "manifest_hash": documents.manifest.hash, "documents": len(documents)})
        for table in documents.columns(["id"]):
            for doc_id in table["id"].filter(pc.is_in(table["id"], ids)).to_pylist():
                seen.setdefault(doc_id, str(folder))
    return Overlap([_row(item, seen.get(item.doc_id or b"")) for item in items], against, [], note)


def _row(item: OverlapItem, folder: str | None) -> dict[str, Any]:
    return {
        "set": item.group,
        "item": item.key,
        "kind": "exact" if folder else "none",
        "jaccard": float(bool(folder)),
        "containment": float(bool(folder)),
        "ngram_share": float(bool(folder)),
        "ngrams": 0,
        "train_set": folder,
        "train_id": item.doc_id.hex() if folder and item.doc_id else None,
    }


def is_clean(rows: Iterable[dict[str, Any]]) -> np.ndarray:
    """`(n_items,) bool`: whether each item stands in no training set, neither as a whole nor for a large part."""
    return np.array([row["kind"] not in CONTAMINATED for row in rows], dtype=bool)


def count_kinds(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Numbers of items by kind, of all, and of those of kind `none` that share an n-gram with a training document (`touched`)."""
    kept = list(rows)
    kinds = {kind: sum(row["kind"] == kind for row in kept) for kind in KINDS}
    return {"items": len(kept), **kinds, "touched": sum(row["kind"] == "none" and row["ngrams"] > 0 for row in kept)}
