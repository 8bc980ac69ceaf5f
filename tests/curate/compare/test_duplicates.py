from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.compare.collection import Collection
from curate.compare.exact import drop_exact_duplicates
from curate.compare.minhash import drop_near_duplicates
from curate.dedup.recipe import DedupRecipe, WithWords
from curate.dedup.store import bands_batch, signatures_batch
from curate.pipeline.decide import PASSED
from curate.rules.fired import FIRED_SCHEMA
from shards.schemas import DOC_ID
from shards.stages import Stage

SIGNALS = pa.schema([("doc_id", DOC_ID), ("file", pa.string()), ("row", pa.int64()), ("text_bytes", pa.int64())])


def collection(folder: Path, ids: list[int], n_bytes: list[int], passed: list[bool], signatures: list[list[int] | None]) -> Collection:
    """Two tasks: the first document alone, then the others."""
    measured, decided = Stage(folder / "measured"), Stage(folder / "decided")
    for task, part in enumerate((slice(0, 1), slice(1, None))):
        rows = list(range(len(ids)))[part]
        columns = [pa.array([one.to_bytes(16, "little") for one in ids[part]], DOC_ID), pa.array(["f"] * len(rows)), pa.array(rows), pa.array(n_bytes[part])]
        tables = {"signals": [pa.record_batch(columns, schema=SIGNALS)]}
        sig, exists = (
            np.array([one or [0] * 4 for one in signatures[part]], np.uint32).reshape(-1, 4),
            np.array([one is not None for one in signatures[part]], bool),
        )
        batches = {"bands": bands_batch(sig, exists, 2), "signatures": signatures_batch(sig, exists)}
        tables |= {name: [batch] for name, batch in batches.items()}
        measured.commit(task, tables, {"signals": SIGNALS} | {name: batch.schema for name, batch in batches.items()})
        verdicts = {"passed": [pa.record_batch([pa.array(passed[part])], schema=PASSED)], "fired": []}
        decided.commit(task, verdicts, {"passed": PASSED, "fired": FIRED_SCHEMA})
    return Collection(measured, decided, 2)


def recipe(keep: str) -> WithWords[DedupRecipe]:
    return WithWords("spacy:en", DedupRecipe.model_validate({"keep": keep, "minhash": {"buckets": 2, "hashes": 2}}))


@pytest.fixture
def unsigned() -> list[list[int] | None]:
    return [None] * 5


def test_exact_copies_go_and_the_survivor_stands_for_them(tmp_path: Path, unsigned: list[list[int] | None]) -> None:
    found = collection(tmp_path, [5, 7, 5, 5, 9], [10] * 5, [True] * 5, unsigned)
    drop_exact_duplicates(found, recipe("longest"))
    assert found.survivors().tolist() == [0, 1, 4] and found.cluster_size[found.survivors()].tolist() == [3, 1, 1]
    twin = (5).to_bytes(16, "little").hex() + " f:0"
    assert found.verdicts["row"].to_list() == [2, 3] and found.verdicts["detail"].to_list() == [twin, twin]


def test_a_document_that_was_dropped_before_takes_no_part(tmp_path: Path) -> None:
    found = collection(tmp_path, [5, 5, 5], [1, 1, 1], [False, True, True], [None] * 3)
    drop_exact_duplicates(found, recipe("first"))
    assert found.survivors().tolist() == [1] and found.verdicts["row"].to_list() == [2] and found.cluster_size[1] == 2


def test_near_copies_count_the_exact_copies_they_stood_for(tmp_path: Path) -> None:
    found = collection(tmp_path, [1, 2, 3, 4], [10, 30, 20, 5], [True] * 4, [[1, 2, 3, 4], [1, 2, 9, 9], [6, 6, 9, 9], None])
    found.cluster_size[:] = [2, 1, 3, 1]
    drop_near_duplicates(found, recipe("longest"))
    assert found.survivors().tolist() == [1, 3] and found.cluster_size[[1, 3]].tolist() == [6, 1]
    assert found.verdicts["row"].to_list() == [0, 2] and found.verdicts["value"].to_list() == [0.5, 0.5]


def test_no_documents_give_no_copies(tmp_path: Path) -> None:
    found = collection(tmp_path, [], [], [], [])
    drop_exact_duplicates(found, recipe("longest"))
    drop_near_duplicates(found, recipe("longest"))
    assert found.verdicts.height == 0 and found.cuts.shape == (0, 3)


def test_cuts_come_out_sorted_by_document_and_place(tmp_path: Path) -> None:
    found = collection(tmp_path, [1, 2], [9, 9], [True, True], [None] * 2)
    found.cut(np.array([1, 0]), np.array([2, 5]), np.array([4, 6]))
    found.cut(np.array([0]), np.array([1]), np.array([3]))
    assert found.cuts.tolist() == [[0, 1, 3], [0, 5, 6], [1, 2, 4]]
