"""Compares a slice of a training set with all items: one restartable task.

Stored are the training document most similar to each item, the one that contains most of it, equal documents, and the item n-grams of every document.
What counts is decided later, when all slices are known, so other thresholds need no second scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.decontaminate.index import build_index, load_index, save_index
from curate.decontaminate.match import Matcher
from curate.decontaminate.words import hashed_words
from curate.errors import CurateError
from curate.kernels.buffers import frozen, text_buffers
from curate.overlap.items import OverlapItem, as_eval_sets
from curate.overlap.recipe import FLOOR
from curate.overlap.shared_shingles import Pairs, SharedShingles
from curate.overlap.shingle_index import ShingleIndex, shingle_index
from curate.overlap.training import TrainingSlice, check_file, pieces, record_batch
from shards.folder import claim
from shards.record import read_record, write_record
from shards.stages import Stage

EXACT, NEAR, CONTAINED = 0, 1, 2
"""How a row of MATCHES was chosen: the same document, the most similar one, the one that contains most of the item."""
_NGRAMS, _SHINGLES, _ITEMS = "ngrams", "shingles", "items.json"

MATCHES = pa.schema(
    [
        ("item", pa.int64()),
        ("how", pa.int8()),
        ("jaccard", pa.float64()),
        ("containment", pa.float64()),
        ("doc_id", pa.binary(16)),
        ("batch", pa.int64()),
        ("row", pa.int64()),
    ]
)
GRAMS = pa.schema([("doc_id", pa.binary(16)), ("source", pa.string()), ("batch", pa.int64()), ("row", pa.int64()), ("grams", pa.large_list(pa.uint32()))])


@dataclass(frozen=True)
class ScanTask:
    """A slice, and where its results go: `stage`, whose folder holds the index of all items."""

    number: int
    part: TrainingSlice
    stage: Path


def save_indexes(folder: Path, items: Sequence[OverlapItem], ngram: int, min_words: int, template_items: int) -> None:
    """Write the indexes of all items to a stage's folder, unless they are there. The file written last completes them."""
    if (folder / _ITEMS).exists():
        return
    index, names = build_index(as_eval_sets(items), ngram, min_words)
    groups = {name: number for number, name in enumerate(names.evals)}
    numbers = np.array([groups[item.group] for item in items], np.int64)
    by_shingle = shingle_index([item.texts for item in items], numbers, np.full(len(groups), template_items, np.int64))
    claim(folder, [*(f"{_SHINGLES}-{name}.npy" for name in ShingleIndex._fields), _ITEMS])
    save_index(folder / _NGRAMS, index, names)
    for name, array in by_shingle._asdict().items():
        np.save(folder / f"{_SHINGLES}-{name}.npy", array)
    write_record(folder / _ITEMS, {"doc_ids": [item.doc_id.hex() if item.doc_id else None for item in items]})


@lru_cache(maxsize=1)
def _indexes(folder: Path) -> tuple[Matcher, SharedShingles, dict[bytes, list[int]]]:
    """N-grams, shingles, and items by document id."""
    shingles = ShingleIndex(*(np.load(folder / f"{_SHINGLES}-{name}.npy", mmap_mode="r") for name in ShingleIndex._fields))
    ids = read_record(folder / _ITEMS, dict[str, Any], error=CurateError, remedy=f"delete {folder} and rerun")["doc_ids"]
    by_id: dict[bytes, list[int]] = {}
    for number, doc_id in enumerate(ids):
        if doc_id is not None:
            by_id.setdefault(bytes.fromhex(doc_id), []).append(number)
    return Matcher(load_ngrams(folder)), SharedShingles(shingles), by_id


def load_ngrams(folder: Path) -> Any:
    """The index of n-grams in a stage's folder."""
    return load_index(folder / _NGRAMS)


def load_shingles(folder: Path) -> ShingleIndex:
    """The index of shingles in a stage's folder."""
    return ShingleIndex(*(np.load(folder / f"{_SHINGLES}-{name}.npy", mmap_mode="r") for name in ShingleIndex._fields))


def run_scan(task: ScanTask) -> dict[str, Any]:
    """Compare and commit one slice. Returns the commit's info: `documents` and `bytes` of text. Raises CurateError for a damaged file."""
    check_file(task.part)
    best, totals = _Best(), {"documents": 0, "bytes": 0}
    with Stage(task.stage).open_task(task.number, {"matches": MATCHES, "grams": GRAMS}) as writer:
        for number in range(task.part.first, task.part.stop):
            batch = record_batch(task.part.path, task.part.shard, number)
            _, offsets = text_buffers(batch.column("text"))
            totals["documents"] += batch.num_rows
            totals["bytes"] += int(offsets[-1] - offsets[0])
            for start, stop in pieces(offsets):
                writer.write("grams", _scan_piece(task.stage, batch.slice(start, stop - start), number, start, best))
        writer.write("matches", best.rows())
        writer.commit(totals)
    return totals


def _scan_piece(folder: Path, batch: pa.RecordBatch, number: int, first: int, best: "_Best") -> pa.RecordBatch:
    """Add what is found in rows `first:` of record batch `number` to `best`, and return the rows of GRAMS."""
    matcher, shared, by_id = _indexes(folder)
    ids = batch.column("id").to_pylist()
    utf8, offsets = (frozen(array) for array in text_buffers(batch.column("text")))
    best.add(shared.pairs(utf8, offsets, FLOOR), ids, number, first)
    for row, doc_id in enumerate(ids):
        for item in by_id.get(doc_id, ()):
            best.add_exact(item, doc_id, number, first + row)
    hits = matcher.match(hashed_words(utf8, offsets))
    found = np.unique(hits.doc << np.int64(32) | hits.gram.astype(np.int64))
    docs, grams = found >> np.int64(32), (found & np.int64(0xFFFFFFFF)).astype(np.uint32)
    with_hits, edges = np.unique(docs, return_index=True)
    lists = pa.LargeListArray.from_arrays(pa.array(np.append(edges, len(docs)), pa.int64()), pa.array(grams))
    chosen = batch.take(pa.array(with_hits))
    columns = [chosen.column("id"), chosen.column("source"), pa.array(np.full(len(with_hits), number)), pa.array(with_hits + first), lists]
    return pa.record_batch(columns, schema=GRAMS)


class _Best:
    """The best match of each item and kind in a slice. Of equally good ones, the first stays."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], tuple[float, tuple[Any, ...]]] = {}

    def add(self, pairs: Pairs, ids: list[bytes], batch: int, first: int) -> None:
        """Consider all pairs of rows `first:` of a record batch."""
        for doc, item, jaccard, containment in zip(*(column.tolist() for column in pairs), strict=True):
            row = (jaccard, containment, ids[doc], batch, first + doc)
            self._keep(item, NEAR, jaccard, row)
            self._keep(item, CONTAINED, containment, row)

    def add_exact(self, item: int, doc_id: bytes, batch: int, row: int) -> None:
        """A training document that is the item."""
        self._keep(item, EXACT, 1.0, (1.0, 1.0, doc_id, batch, row))

    def _keep(self, item: int, how: int, value: float, row: tuple[Any, ...]) -> None:
        known = self._found.get((item, how))
        if value > 0 and (known is None or value > known[0]):
            self._found[item, how] = value, row

    def rows(self) -> pa.RecordBatch:
        """Rows of MATCHES, in order of item and kind."""
        rows = [(item, how, *row) for (item, how), (_, row) in sorted(self._found.items(), key=lambda pair: pair[0])]
        return pa.RecordBatch.from_pylist([dict(zip(MATCHES.names, row, strict=True)) for row in rows], schema=MATCHES)
