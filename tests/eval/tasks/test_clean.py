"""Scores of tasks without the items that stand in training sets."""

import sys

import numpy as np
import pytest

from eval.errors import EvalError
from eval.tasks.record import TasksRecord
from eval.tasks.run import run_tasks
from shards.record import read_record
from tests.curate.overlap.texts import prose
from tests.eval.conftest import save_documents
from tests.eval.tasks.conftest import write_items

_RANDOM = np.random.default_rng(0)
LONG = [{"id": f"q{number}", "context": prose(_RANDOM, 9), "choices": [" one", " two"], "gold": number % 2} for number in range(12)]


@pytest.fixture
def recipe_of(tasks_recipe, tmp_path):
    def build(**changes):
        train = save_documents(tmp_path / "train", [f"Said once: {item['context']}{item['choices'][item['gold']]}. And so on." for item in LONG[:4]])
        tasks = {"long": {"items": write_items(tmp_path / "long.jsonl", LONG)}}
        return tasks_recipe(**({"tasks": tasks, "train_documents": [train]} | changes))

    return build


def test_items_that_stand_in_training_sets_are_counted_and_scores_without_them_stand_beside(recipe_of):
    made = recipe_of()
    content = run_tasks(made)
    section = content["contamination"]
    assert (section["tasks"]["long"]["contained"], section["tasks"]["long"]["items"]) == (4, 12)
    alone = run_tasks(
        recipe_of(train_documents=[], out=made.out.parent / "alone", tasks={"long": {"items": write_items(made.out.parent / "clean.jsonl", LONG[4:])}})
    )
    assert [row["value"] for row in section["scores"]] == [row["value"] for row in alone["scores"]]
    assert [(row["delta"], row["low"]) for row in section["differences"]] == [(row["delta"], row["low"]) for row in alone["differences"]]
    assert {row["items"] for row in section["differences"]} == {8} and "contamination" not in alone
    record = read_record(made.out / "tasks.json", TasksRecord)
    assert record.contamination is not None and record.contamination.examples[0].kind == "contained"


def test_a_comparison_made_before_is_read_and_one_of_other_items_is_refused(recipe_of):
    made = recipe_of()
    section = run_tasks(made)["contamination"]
    (folder,) = made.work_folder.glob("overlap-*")
    again = recipe_of(train_documents=[], contamination=folder, out=made.out.parent / "again")
    assert run_tasks(again)["contamination"] == section
    others = [item | {"context": prose(_RANDOM, 9)} for item in LONG]
    tasks = {"long": {"items": write_items(made.out.parent / "others.jsonl", others)}}
    with pytest.raises(EvalError, match=r"12 of 12 items were not checked in .* the first is q0 of long; run `curate overlap`"):
        run_tasks(recipe_of(train_documents=[], contamination=folder, out=made.out.parent / "others", tasks=tasks))


def test_without_the_extra_that_compares_texts_the_section_says_what_was_not_checked(recipe_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "curate.overlap.run", None)
    section = run_tasks(recipe_of())["contamination"]
    assert "install cptkit[curate]" in section["note"] and section["tasks"]["long"]["none"] == 12
