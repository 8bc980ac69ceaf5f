"""What documents are made of answers: labels, packs, items, dry runs, and the way back."""

import json
import re
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.inspect.why import why
from curate.report.card import render
from curate.run_folder import read_run
from curate.synthesize.dry_run import estimate, summary
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from curate.synthesize.run import make_plan
from curate.synthesize.task import check_task, load_task, shipped_tasks
from shards.read import ShardSet
from shards.recipe import load_run_recipe
from tests.commands import run
from tests.curate.synthesize.server import Server
from tests.curate.synthesize.sets import prose, recipe, synthesize, write_documents, write_yaml


def made_of(tmp_path, task: dict[str, object], texts: list[str], **more: object) -> list[dict[str, object]]:
    with Server(tmp_path / "server") as server:
        synthesize(recipe(tmp_path, write_documents(tmp_path / "corpus", texts), server.url, task, **more))
    return ShardSet(tmp_path / "out" / "documents").to_table().to_pylist()


def test_labels_become_columns_of_the_documents_themselves(tmp_path):
    texts = [*prose(3), "too short"]
    task = {"passages": {"min_chars": 100}, "output": {"columns": ["question"]}}
    rows = made_of(tmp_path, task, texts)
    assert [row["text"] for row in rows] == texts
    assert all(str(row["question"]).startswith("What is said about") for row in rows[:3]) and rows[3]["question"] is None
    assert "synthetic" not in rows[0] and rows[0]["file"] == "made.jsonl"


def test_two_answers_are_packed_into_a_document_with_both_sources(tmp_path):
    task = {"output": {"template": "{{ text }}\n\n{{ item.question }}", "pack": 2, "separator": "\n\n***\n\n"}}
    texts = prose(5)
    rows = made_of(tmp_path, task, texts)
    assert [str(row["text"]).count("***") for row in rows] == [1, 1, 0]
    assert all(text in str(row["text"]) for row, pair in zip(rows, (texts[:2], texts[2:4], texts[4:]), strict=True) for text in pair)
    assert [len(row["synthetic"]["source_ids"]) for row in rows] == [2, 2, 1]


def test_all_passages_of_a_document_can_make_one(tmp_path):
    task = {
        "passages": {"max_chars": 400, "min_chars": 0},
        "output": {
            "per": "document",
            "template": "{{ document.text }}\n{% for one in answers %}\n{{ one.passage.number }}: {{ one.item.question }}\n{% endfor %}",
        },
    }
    (row,) = made_of(tmp_path, task, prose(1))
    numbers = [line.split(":")[0] for line in str(row["text"]).splitlines() if "What is said" in line]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)] and len(numbers) >= 3
    assert len(row["synthetic"]["keys"]) == len(numbers)


def test_each_variant_and_sample_is_asked_for(tmp_path):
    task = {"variants": {"short": {"words": 10}, "long": {"words": 100}}, "prompt": {"user": "{{ variant.words }} words on {{ text }}"}}
    rows = made_of(tmp_path, task, prose(2), sampling={"samples": 3})
    assert len(rows) == 12 and len({row["id"] for row in rows}) == 12
    assert {(row["synthetic"]["variant"], row["synthetic"]["sample"]) for row in rows} == {(name, n) for name in ("short", "long") for n in range(3)}


def test_a_dry_run_counts_what_a_run_then_asks_for(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(30))
    with Server(tmp_path / "server") as server:
        made = recipe(tmp_path, documents, server.url, generator={"prices": {"completion_per_million": 2}})
        synthesize(made, "limit=10")
        plan = make_plan(*load_run_recipe(made, SynthesizeRecipe))
        counted = estimate(plan)
        n_before = len(server.asked())
        assert n_before == 10
        synthesize(made)
        assert (counted.requests, counted.answered) == (len(server.asked()) - n_before, 10) == (20, 10)
    lines = summary(plan, counted)
    assert lines["requests"] == "20 to make, 10 already answered"
    assert lines["cost"].endswith(f"at most {20 * 1024 * 2 / 1e6:.4g}")


def test_why_goes_back_to_the_source_text_also_through_a_curation_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = prose(3)
    line = texts[1].split("\n")[0]
    rows = made_of(tmp_path, {"output": {"template": "{{ item.question }}\n{{ item.answer }}"}}, texts)
    told = "\n".join(why(tmp_path / "out", rows[1]["id"].hex()))
    assert "made by    task ask, test-model, sample 0" in told and line in told and "row 1 of" in told and "out/journal/corpus" in told
    assert line in "\n".join(why(tmp_path / "out", "corpus/part-00000.arrow:1"))
    content = {"name": "again", "inputs": [str(tmp_path / "out" / "documents")], "language": None, "rules": [], "out": "again", "keep_columns": ["task"]}
    run("curate", "run", write_yaml(tmp_path / "again.yaml", content))
    curated = ShardSet(tmp_path / "again" / "documents").to_table().to_pylist()
    assert [row["task"] for row in curated] == ["ask"] * 3
    assert json.loads(curated[1]["metadata"])["synthetic"]["source_ids"] == rows[1]["synthetic"]["source_ids"]
    assert line in "\n".join(why(tmp_path / "again", curated[1]["id"].hex()))
    report = json.loads((tmp_path / "again" / "report.json").read_text())
    assert report["synthetic"]["ask"]["documents"] == 3 and report["synthetic"]["ask"]["share"] == 1
    assert "| ask | 3 | " in render(read_run(tmp_path / "again"))
    with pytest.raises(CurateError, match="no document of"):
        list(why(tmp_path / "out", "ffffffff"))


@pytest.mark.parametrize("name", shipped_tasks())
def test_every_shipped_task_can_be_used(tmp_path, name):
    task = load_task(name)
    documents = write_documents(tmp_path / "corpus", prose(1))
    generator = {"kind": "rules"} if task.miner else {"kind": "openai", "model": "m", "base_urls": "http://unused/v1"}
    options = {option: "English" for option, value in task.options.items() if value is None}
    content = {"inputs": str(documents), "task": name, "task_options": options, "generator": generator, "out": "out"}
    made = write_yaml(tmp_path / "recipe.yaml", content)
    assert make_plan(*load_run_recipe(made, SynthesizeRecipe)).task.name == name == task.name
    assert task.description and task.origin


def test_a_miner_makes_documents_without_a_model(tmp_path):
    text = (
        'General words come first.\n\n"Harbour" means any place of shelter for ships that is used for trade. '
        "The term “quay” shall mean a wall to tie ships to, of stone."
    )
    content = {"inputs": str(write_documents(tmp_path / "corpus", [text, *prose(2)])), "task": "definitions", "out": str(tmp_path / "out")}
    synthesize(write_yaml(tmp_path / "recipe.yaml", content))
    (row,) = ShardSet(tmp_path / "out" / "documents").to_table().to_pylist()
    assert '"Harbour"' in row["text"] and "Any place of shelter for ships that is used for trade." in row["text"]
    assert '"quay"' in row["text"] and row["synthetic"]["model"] == "rules"


def test_the_recipe_and_the_task_of_the_page_are_understood(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "synthesize.md").read_text()
    recipe_text, task_text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2]
    (tmp_path / "recipe.yaml").write_text(recipe_text)
    (tmp_path / "task.yaml").write_text(task_text)
    loaded, _ = load_run_recipe(tmp_path / "recipe.yaml", SynthesizeRecipe)
    assert prepare_task(loaded).options["discipline"] == "law"
    check_task(load_task(str(tmp_path / "task.yaml")), "page")
