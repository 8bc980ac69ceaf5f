from pathlib import Path

import pytest

from tests.curate.compare.cutting import NOTICE, curated, texts_with_notice
from tests.curate.corpus import document


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 4_000)


def test_a_repeated_stretch_inside_a_line_is_cut(tmp_path: Path) -> None:
    texts = [f"{document(seed)} {'abcdef'[seed] * 3} {NOTICE} {'uvwxyz'[seed] * 3} {document(seed + 500, 4)}" for seed in range(6)]
    report, kept = curated(tmp_path, texts, substring={"min_bytes": 60})
    assert kept[0]["text"] == texts[0]
    assert all(kept[row]["text"] == texts[row].replace(NOTICE + " ", "") for row in range(1, 6))
    removed = report["removed"]["substring"]  # type: ignore[index]
    assert (removed["cut"], removed["pieces"], removed["bytes"]) == (5, 5, 5 * (len(NOTICE) + 1))
    assert removed["top_removed"][0] == {"count": 5, "bytes": len(NOTICE) + 1, "text": NOTICE + " "}


def test_every_copy_goes_if_none_is_to_be_kept(tmp_path: Path) -> None:
    _, kept = curated(tmp_path, texts_with_notice(4), substring={"min_bytes": 60, "keep": "none", "boundary": "line"})
    assert [row["text"] for row in kept.values()] == [text.replace(NOTICE + "\n", "") for text in texts_with_notice(4)]
