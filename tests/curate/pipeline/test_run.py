import json
import os
from pathlib import Path

import pytest

from curate.pipeline.measure import MeasureJob, measure_task
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.errors import ShardError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe, write_all_formats


def load(tmp_path: Path, folder: Path, **changes: object) -> CurateRecipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(folder, **changes))
    return load_recipe(path, CurateRecipe)


def rows(folder: Path) -> list[dict[str, object]]:
    return ShardSet(folder).to_table().to_pylist()


def corpus(folder: Path, n_files: int = 6, n_docs: int = 30) -> Path:
    """JSONL files with copies, near copies, short and foreign documents; each is a task of its own when cut fine."""
    folder.mkdir()
    for number in range(n_files):
        texts = [document(1000 * (number + 1) + index) for index in range(n_docs)]
        texts[3] = document(7)  # the same in every file
        texts[4] = document(8, 40) + f"\nThe file is called number {'abcdefgh'[number]} by the people of the town."
        texts[5] = "Too short."
        texts[6] = "Der schnelle braune Fuchs springt über den faulen Hund und läuft danach nach Hause zu seiner Familie. " * 8
        (folder / f"{number}.jsonl").write_bytes(jsonl([{"text": text, "n": index} for index, text in enumerate(texts)]))
    return folder


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.tasks.TASK_BYTES", 20_000)


def snapshot(out: Path) -> dict[str, bytes]:
    """All files but the one that tells how long it took."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file() and path.name != "timings.json"}


def test_every_format_gives_its_text_address_and_metadata(tmp_path: Path) -> None:
    texts = write_all_formats(tmp_path / "in")
    report = run(load(tmp_path, tmp_path / "in", keep_columns=["topic"]), tmp_path / "out", 1).report
    documents = {row["file"]: row for row in rows(tmp_path / "out" / "documents")}
    assert report["faults"] == []
    # extracted paragraphs are set apart by a blank line
    assert {name: row["text"].replace("\n\n", "\n") for name, row in documents.items()} == texts
    with_metadata = {name for name in texts if name.split(".")[1] in ("md", "jsonl", "parquet", "csv", "tsv")}
    assert {name for name, row in documents.items() if row["topic"] == "mills"} == with_metadata
    with_url = {name for name in texts if name.split(".")[1] in ("jsonl", "parquet", "csv", "tsv", "warc")}
    assert {name for name, row in documents.items() if row["url"] == f"http://example.org/{name}"} == with_url


def test_two_workers_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    chosen = load(tmp_path, folder, held_out={"share": 0.1})
    run(chosen, tmp_path / "one", 1)
    run(chosen, tmp_path / "two", 2)
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_every_document_is_kept_held_out_or_has_a_verdict(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    report = run(load(tmp_path, folder, held_out={"share": 0.2}), tmp_path / "out", 1).report
    placed = {name: {(row["file"], row["row"]) for row in rows(tmp_path / "out" / name)} for name in ("documents", "held_out", "verdicts", "signals")}
    assert placed["documents"] | placed["held_out"] | placed["verdicts"] == placed["signals"]
    assert not placed["documents"] & placed["held_out"] and not (placed["documents"] | placed["held_out"]) & placed["verdicts"]
    assert report["counts"] == {
        "read": 180,
        "kept": len(placed["documents"]),
        "held_out": len(placed["held_out"]),
        "dropped": len(placed["verdicts"]),
        "unreadable": 0,
    }
    assert report["funnel"][-1]["remaining"] == report["counts"]["kept"] + report["counts"]["held_out"]
    assert sum(row["documents"] for row in report["funnel"]) == report["counts"]["dropped"]


def test_no_rule_hides_another(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("### und ### der ### Hund läuft nach Hause und schläft in seinem Bett ein ### ### ###")
    run(load(tmp_path, tmp_path / "in"), tmp_path / "out", 1)
    fired = {row["rule"] for row in rows(tmp_path / "out" / "verdicts")}
    assert {"language/not_kept", "gopher_quality/gopher_short_doc", "gopher_quality/gopher_too_many_hashes"} <= fired


def test_copies_point_to_the_twin_that_stays_and_it_counts_them(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    run(load(tmp_path, folder), tmp_path / "out", 1)
    kept = {f"{row['id'].hex()} {row['file']}:{row['row']}": row["cluster_size"] for row in rows(tmp_path / "out" / "documents")}
    details = [row["detail"] for row in rows(tmp_path / "out" / "verdicts") if row["stage"] in ("exact", "minhash")]
    assert len(details) == 10 and set(details) <= set(kept)
    assert sorted(kept.values())[-2:] == [6, 6] and sum(kept.values()) == len(kept) + 10


def test_a_near_copy_is_kept_if_it_is_the_longest(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(document(1))
    (tmp_path / "in" / "b.txt").write_text(document(1) + "\nThis is one sentence more, and they have that with them.")
    for policy, name in (("longest", "b.txt"), ("first", "a.txt")):
        run(load(tmp_path, tmp_path / "in", dedup={"keep": policy}), tmp_path / policy, 1)
        assert [row["file"] for row in rows(tmp_path / policy / "documents")] == [name]
        (verdict,) = rows(tmp_path / policy / "verdicts")
        assert verdict["rule"] == "minhash/duplicate" and 0.8 < verdict["value"] < 1.0


def test_a_dropped_document_does_not_take_its_good_copy_with_it(tmp_path: Path) -> None:
    """The first copy fails a rule of the user's that reads the source; the second must stay."""
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(document(1))
    rules = tmp_path / "mine.yaml"
    rules.write_text(
        json.dumps(
            {
                "name": "mine",
                "dialect": "own",
                "source": "own",
                "rules": [{"name": "bad", "value": "CASE WHEN source = 'bad' THEN 1 ELSE 0 END", "drop_if": ">", "threshold": 0}],
            }
        )
    )
    inputs = [{"path": str(tmp_path / name)} for name in ("bad", "good")]
    run(load(tmp_path, tmp_path, inputs=inputs, rules=[str(rules)]), tmp_path / "out", 1)
    assert [row["source"] for row in rows(tmp_path / "out" / "documents")] == ["good"]


def test_a_finished_run_has_nothing_to_do_until_something_changes(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", 2)
    assert not run(load(tmp_path, folder), tmp_path / "out", 1).was_done
    before = snapshot(tmp_path / "out")
    assert run(load(tmp_path, folder), tmp_path / "out", 1).was_done
    assert snapshot(tmp_path / "out") == before
    (folder / "9.jsonl").write_bytes(jsonl([{"text": document(5)}]))
    again = run(load(tmp_path, folder), tmp_path / "out", 1)
    assert not again.was_done and again.report["counts"]["read"] == 61


def test_other_rules_take_up_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "in", 2)
    run(load(tmp_path, folder), tmp_path / "out", 1)
    monkeypatch.setattr("curate.pipeline.run.measure_task", lambda job: pytest.fail("text was read again"))
    strict = [{"name": "gopher_quality", "thresholds": {"gopher_short_doc": 10_000}}]
    assert run(load(tmp_path, folder, rules=strict), tmp_path / "out", 1).report["counts"]["kept"] == 0
    assert run(load(tmp_path, folder, rules=[], language=load(tmp_path, folder).language.model_dump()), tmp_path / "out", 1).report["counts"]["kept"] > 0


@pytest.mark.parametrize("harm", ["missing", "cut", "flipped"])
@pytest.mark.parametrize("name", ["documents/*.arrow", "signals/*.arrow", "verdicts/manifest.json", "report.json", "work/run.json"])
def test_a_finished_run_that_is_not_whole_any_more_is_made_whole(tmp_path: Path, name: str, harm: str) -> None:
    chosen = load(tmp_path, corpus(tmp_path / "in", 2))
    run(chosen, tmp_path / "out", 1)
    whole = snapshot(tmp_path / "out")
    path = next((tmp_path / "out").glob(name))
    raw = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:  # in place: a hard link's other name is harmed with it
        path.write_bytes(raw[:-9] if harm == "cut" else raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :])
        os.utime(path, ns=(path.stat().st_mtime_ns + 10**9,) * 2)
    assert not run(chosen, tmp_path / "out", 1).was_done
    assert snapshot(tmp_path / "out") == whole
    assert run(chosen, tmp_path / "out", 1).was_done


def test_a_run_that_broke_off_does_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = load(tmp_path, corpus(tmp_path / "in", 4))
    run(chosen, tmp_path / "whole", 1)
    done: list[int] = []

    def breaks_off(job: MeasureJob) -> object:
        if job.task.number == 2 and -1 not in done:
            raise MemoryError("no room")
        done.append(job.task.number)
        return measure_task(job)

    monkeypatch.setattr("curate.pipeline.run.measure_task", breaks_off)
    with pytest.raises(ShardError, match=r"measure: memory ran out \(MemoryError: no room\); give it fewer workers"):
        run(chosen, tmp_path / "broken", 1)
    assert not (tmp_path / "broken" / "documents").exists()
    done.append(-1)
    run(chosen, tmp_path / "broken", 1)
    assert done == [0, 1, 3, -1, 2]
    assert snapshot(tmp_path / "broken") == snapshot(tmp_path / "whole")


def test_source_code_needs_no_language_and_no_rules(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.py").write_text("import os\n\nprint(os.getcwd())\n")
    report = run(load(tmp_path, tmp_path / "in", language=None, rules=[]), tmp_path / "out", 1).report
    assert report["counts"]["kept"] == 1 and rows(tmp_path / "out" / "documents")[0]["language"] == ""


def test_nothing_kept_still_gives_readable_sets(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("Short.")
    report = run(load(tmp_path, tmp_path / "in"), tmp_path / "out", 1).report
    assert report["counts"]["kept"] == 0 and rows(tmp_path / "out" / "documents") == []


def test_lineage_tells_recipe_and_inputs(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", 2)
    report = run(load(tmp_path, folder, inputs=[{"path": str(folder), "license": "CC0"}]), tmp_path / "out", 1).report
    manifest = ShardSet(tmp_path / "out" / "documents").manifest
    assert manifest.recipe["name"] == "test" and manifest.recipe_hash == report["recipe_hash"]
    (source,) = manifest.info["inputs"]
    assert source["source"] == "in" and source["license"] == "CC0" and source["files"] == 2 and len(source["checksum"]) == 32


def test_held_out_documents_stay_held_out_when_the_corpus_grows(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", 2)
    run(load(tmp_path, folder, held_out={"share": 0.2}), tmp_path / "out", 1)
    before = {row["id"] for row in rows(tmp_path / "out" / "held_out")}
    (folder / "0a.jsonl").write_bytes(jsonl([{"text": document(50_000 + index)} for index in range(40)]))
    run(load(tmp_path, folder, held_out={"share": 0.2}), tmp_path / "out", 1)
    after = {row["id"] for row in rows(tmp_path / "out" / "held_out")}
    assert before and before < after
