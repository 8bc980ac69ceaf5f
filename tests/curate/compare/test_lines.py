"""Cuts inside documents, through `curate run`."""

import json
from pathlib import Path

import pytest

from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.steps.identity import content_ids
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl

NOTICE = "This notice must be kept with every copy of the text, whoever made it and for whatever purpose it was made."


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 4_000)


def curated(folder: Path, texts: list[str], workers: int = 1, **dedup: object) -> tuple[dict[str, object], dict[int, dict[str, object]]]:
    """The report, and the documents kept by row."""
    folder.mkdir(exist_ok=True)
    (folder / "in.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    keys = {"name": "t", "inputs": [{"path": str(folder / "in.jsonl")}], "language": None, "rules": [], "dedup": {"minhash": None, **dedup}}
    report = run(CurateRecipe.model_validate(keys), folder / f"out{workers}", workers).report
    return report, {row["row"]: row for row in ShardSet(folder / f"out{workers}" / "documents").to_table().to_pylist()}


def texts_with_notice(n: int = 12) -> list[str]:
    return [f"{document(seed)}\n{NOTICE}\n{document(seed + 500, 4)}" for seed in range(n)]


def test_a_line_of_many_documents_stays_in_the_first_alone(tmp_path: Path) -> None:
    report, kept = curated(tmp_path, texts_with_notice(), lines={"scope": "line"})
    assert [NOTICE in str(kept[row]["text"]) for row in range(12)] == [True] + [False] * 11
    assert kept[3]["text"] == f"{document(3)}\n{document(503, 4)}"
    removed = report["removed"]["lines"]  # type: ignore[index]
    assert (removed["cut"], removed["pieces"], removed["dropped"]) == (11, 11, 0)
    assert removed["bytes"] == 11 * (len(NOTICE) + 1)
    assert removed["top_removed"] == [{"count": 12, "text": NOTICE}]


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


def test_changed_documents_are_named_after_their_new_text(tmp_path: Path) -> None:
    curated(tmp_path, texts_with_notice(), lines={"scope": "line"})
    table = ShardSet(tmp_path / "out1" / "documents").to_table()
    assert table["id"].to_pylist() == content_ids(table["text"].combine_chunks()).to_pylist()


def test_cuts_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    dedup = {"lines": {"scope": "line"}, "substring": {"min_bytes": 40, "memory_gib": 1e-6}}
    reports = [curated(tmp_path, texts_with_notice(), workers, **dedup) for workers in (1, 2)]
    assert json.dumps(reports[0][0]) == json.dumps(reports[1][0])
    assert reports[0][1] == reports[1][1]
