from pathlib import Path

import pytest

from curate.steps.identity import content_ids
from shards.read import ShardSet
from tests.curate.compare.cutting import curated, texts_with_notice


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 4_000)


def test_changed_documents_are_named_after_their_new_text(tmp_path: Path) -> None:
    curated(tmp_path, texts_with_notice(), lines={"scope": "line"})
    table = ShardSet(tmp_path / "out1" / "documents").to_table()
    assert table["id"].to_pylist() == content_ids(table["text"].combine_chunks()).to_pylist()
