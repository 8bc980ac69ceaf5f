"""`curate overlap` on items that are planted in training sets in known ways."""

import json

import numpy as np
import pytest

from curate.errors import CurateError
from curate.overlap.items import OverlapItem, read_item_sets
from curate.overlap.recipe import ComparisonRecipe, ItemsRecipe, OverlapRecipe
from curate.overlap.record import read_overlap
from curate.overlap.run import find_overlap
from shards.read import ShardSet
from tests.curate.overlap.texts import edited, prose, save_documents


def overlap(tmp_path, items: list[OverlapItem], train: list[str], out: str = "out", **settings) -> dict[str, dict]:
    """Rows by the item's key. Record batches are small, so that matches lie in several tasks."""
    folder = save_documents(tmp_path / "train", train, settings.pop("sources", None), rows_per_batch=2)
    recipe = ComparisonRecipe(against=[folder], out=tmp_path / out, **{"task_bytes": 1, **settings})
    find_overlap(recipe, items)
    return {row["item"]: row for row in ShardSet(recipe.out, "overlap").to_table().to_pylist()}


def documents(texts: dict[str, str]) -> list[OverlapItem]:
    return [OverlapItem("held out", key, (text,), key.encode().ljust(16)[:16]) for key, text in texts.items()]


def test_copies_of_every_kind_are_found_and_named(tmp_path):
    random = np.random.default_rng(1)
    texts = {name: prose(random, 200) for name in ("edited", "contained", "half", "new")}
    items = documents(texts)
    train = [prose(random, 200) for _ in range(9)]
    words = texts["edited"].split()
    train[3] = " ".join([*words[:100], f"{words[100]}x", *words[101:]])
    train[5] = " ".join([prose(random, 500), texts["contained"], prose(random, 500)])
    train[7] = " ".join([prose(random, 300), *texts["half"].split()[:130]])
    found = overlap(tmp_path, items, train, contained=0.7)
    assert {key: row["kind"] for key, row in found.items()} == {"edited": "near", "contained": "contained", "half": "covered", "new": "none"}
    assert found["edited"]["jaccard"] == pytest.approx(191 / 201)  # one word lies in five of the 196 5-grams
    assert found["contained"]["containment"] == 1 and found["contained"]["jaccard"] < 0.3
    assert found["half"]["ngram_share"] == pytest.approx(118 / 188)
    assert found["half"]["item_excerpt"].strip(" …") in texts["half"] and found["half"]["train_excerpt"].strip(" …") in train[7]
    assert found["new"]["train_id"] is None and found["new"]["item_excerpt"] is None


def test_a_document_of_a_training_set_is_exact_even_if_it_is_too_short_for_n_grams(tmp_path):
    train = save_documents(tmp_path / "train", ["Two words", prose(np.random.default_rng(2), 60)])
    recipe = OverlapRecipe(items={"law": train}, against=[train], out=tmp_path / "out")
    facts = find_overlap(recipe, list(read_item_sets(recipe.items)))["sets"]["law"]
    assert (facts["items"], facts["exact"], facts["none"]) == (2, 2, 0)


@pytest.mark.parametrize(("share", "kind"), [(0.01, "near"), (0.08, "contained"), (0.3, "none")])
def test_edits_spread_over_a_document_are_found_up_to_one_word_in_ten(tmp_path, share, kind):
    random = np.random.default_rng(3)
    texts = {str(number): prose(random, 400) for number in range(5)}
    found = overlap(tmp_path, documents(texts), [edited(random, text, share) for text in texts.values()])
    assert {row["kind"] for row in found.values()} == {kind}


def test_questions_are_found_in_longer_documents_and_short_ones_are_counted(tmp_path):
    random = np.random.default_rng(4)
    question, answer = prose(random, 12), prose(random, 3)
    items = [
        OverlapItem("task", "asked", (question, answer)),
        OverlapItem("task", "new", (prose(random, 12),)),
        OverlapItem("task", "short", ("only three words",)),
    ]
    found = overlap(tmp_path, items, [f"{prose(random, 90)} {question.upper()}? {answer}! {prose(random, 90)}", "only three words"])
    assert {key: row["kind"] for key, row in found.items()} == {"asked": "contained", "new": "none", "short": "too_short"}


def test_a_question_is_found_whatever_stands_between_it_and_its_answer(tmp_path):
    random = np.random.default_rng(11)
    question, answer, others = prose(random, 9), prose(random, 8), prose(random, 30)
    found = overlap(tmp_path, [OverlapItem("task", "asked", (question, answer))], [f"{question} {others} {answer}"])
    assert found["asked"]["containment"] == 1


def test_instructions_that_all_items_share_contaminate_none(tmp_path):
    random = np.random.default_rng(5)
    instruction = prose(random, 40)
    items = [OverlapItem("task", str(number), (f"{instruction} {prose(random, 15)}",)) for number in range(30)]
    train = [f"{instruction} {prose(random, 50)}"]
    assert {row["kind"] for row in overlap(tmp_path, items, train).values()} == {"none"}
    assert {row["kind"] for row in overlap(tmp_path, items, train, out="all", template_items=30).values()} == {"contained"}


def test_boilerplate_of_the_training_sets_does_not_count(tmp_path):
    random = np.random.default_rng(6)
    clause = prose(random, 30)
    items = documents({"contract": f"{prose(random, 20)} {clause}"})
    train = [f"{prose(random, 30)} {clause}" for _ in range(6)]
    sources = ["a", "b", "c"] * 2
    assert overlap(tmp_path, items, train, sources=sources, contained=1, covered=0.3)["contract"]["kind"] == "covered"
    assert overlap(tmp_path, items, train, sources=sources, contained=1, covered=0.3, boilerplate={"documents": 6, "sources": 3})["contract"]["kind"] == "none"


def of_edited_copies(tmp_path, out: str, **settings) -> dict[str, dict]:
    random = np.random.default_rng(7)
    texts = {str(number): prose(random, 80) for number in range(12)}
    return overlap(tmp_path, documents(texts), [edited(random, text, 0.01) for text in texts.values()] * 2, out, **settings)


def test_the_result_does_not_depend_on_the_size_of_tasks(tmp_path):
    small, large = (of_edited_copies(tmp_path, f"out{size}", task_bytes=size) for size in (1, 1 << 30))
    assert small == large and {row["kind"] for row in small.values()} == {"near"}


@pytest.mark.slow
def test_the_result_does_not_depend_on_workers(tmp_path):
    assert of_edited_copies(tmp_path, "one") == of_edited_copies(tmp_path, "two", workers=2)


def test_a_rerun_scans_nothing_and_other_thresholds_need_no_scan(tmp_path, monkeypatch):
    random = np.random.default_rng(8)
    texts = {"one": prose(random, 100)}
    train = [edited(random, texts["one"], 0.05)]
    assert overlap(tmp_path, documents(texts), train)["one"]["kind"] == "contained"
    monkeypatch.setattr("curate.overlap.run.run_scan", None)
    assert overlap(tmp_path, documents(texts), train, near=0.5)["one"]["kind"] == "near"
    assert read_overlap(tmp_path / "out").sets["held out"].near == 1


def test_a_damaged_training_set_is_refused_by_name(tmp_path):
    random = np.random.default_rng(9)
    folder = save_documents(tmp_path / "train", [prose(random, 50) for _ in range(3)])
    file = next(folder.glob("*.arrow"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CurateError, match=f"{file.name}.*restore the file"):
        find_overlap(ComparisonRecipe(against=[folder], out=tmp_path / "out"), documents({"a": prose(random, 50)}))


def test_items_are_read_from_files_and_a_set_without_texts_is_refused(tmp_path):
    random = np.random.default_rng(10)
    train = save_documents(tmp_path / "train", [prose(random, 60)])
    question = ShardSet(train).to_table()["text"][0].as_py()
    (tmp_path / "items.jsonl").write_text(
        json.dumps({"question": question, "answer": "new"}) + "\n" + json.dumps({"question": prose(random, 30), "answer": ""})
    )
    recipe = OverlapRecipe(items={"quiz": {"path": str(tmp_path / "items.jsonl"), "columns": ["question"]}}, against=[train], out=tmp_path / "out")
    facts = find_overlap(recipe, list(read_item_sets(recipe.items)))["sets"]["quiz"]
    assert (facts["items"], facts["near"], facts["none"]) == (2, 1, 1)
    with pytest.raises(CurateError, match=r"items again: .* is a set of overlap, which holds no texts"):
        list(read_item_sets({"again": ItemsRecipe(path=str(tmp_path / "out"))}))
