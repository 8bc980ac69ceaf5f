"""Cuts inside documents, through `curate run`."""

from pathlib import Path

import pytest

from shards.read import ShardSet
from tests.curate.compare.cutting import NOTICE, curated, texts_with_notice
from tests.curate.corpus import document


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 4_000)


def test_a_line_of_many_documents_stays_in_the_first_alone(tmp_path: Path) -> None:
    report, kept = curated(tmp_path, texts_with_notice(), lines={"scope": "line"})
    assert [NOTICE in str(kept[row]["text"]) for row in range(12)] == [True] + [False] * 11
    assert kept[3]["text"] == f"{document(3)}\n{document(503, 4)}"
    removed = report["removed"]["lines"]  # type: ignore[index]
    assert (removed["cut"], removed["pieces"], removed["dropped"]) == (11, 11, 0)
    assert removed["bytes"] == 11 * (len(NOTICE) + 1)
    assert removed["top_removed"] == [{"count": 12, "text": NOTICE}]


@pytest.mark.parametrize("dedup", [{"lines": {"scope": "line"}}, {"substring": {"min_bytes": 60}}], ids=["lines", "substring"])
def test_a_document_of_copies_is_dropped_and_what_it_held_is_no_copy_for_others(tmp_path: Path, dedup: dict[str, object]) -> None:
    own = "Nobody else ever wrote down this one particular sentence about the forgotten engine of the river mill."
    texts = [document(1), f"{document(1)}\n{own}", f"{document(2)}\n{own}"]
    report, kept = curated(tmp_path, texts, **dedup)
    stage = next(iter(dedup))
    assert sorted(kept) == [0, 2]
    assert kept[2]["text"] == texts[2]
    verdict = ShardSet(tmp_path / "out1" / "verdicts").to_table().to_pylist()[0]
    assert (verdict["row"], verdict["stage"], verdict["rule"], verdict["threshold"]) == (1, stage, f"{stage}/too_few_words", 50)
    assert verdict["value"] == 18
    assert {"stage": stage, "rule": f"{stage}/too_few_words"}.items() <= report["funnel"][0].items()  # type: ignore[index]
