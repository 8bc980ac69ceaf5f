"""A second model as judge, over real HTTP: asked only about what is left, journalled, and never asked twice."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from curate.errors import CurateError
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from curate.synthesize.run import make_plan
from shards.read import ShardSet
from shards.recipe import load_run_recipe
from tests.commands import content
from tests.curate.synthesize.server import Server
from tests.curate.synthesize.sets import prose, recipe, synthesize, write_documents, write_yaml

JUDGE = {
    "name": "right",
    "prompt": {"user": "Of {{ metadata.passages | length }} passages and {{ metadata.found[0].question }}: right?\n\n{{ text }}"},
    "parser": {"kind": "json", "required": ["question", "answer"]},
}
"""The test server answers with the prompt's last words and a number made of the seed; that number, in brackets, is the judge's label here."""


def gate(tmp_path, url: str, **more: object) -> dict[str, object]:
    generator = {"kind": "openai", "model": "test-model", "base_urls": url}
    return {"kind": "judge", "generator": generator, "task": str(write_yaml(tmp_path / "judge.yaml", JUDGE)), "field": "question"} | more


def build(**fields: object) -> JudgeGateRecipe:
    return TypeAdapter(JudgeGateRecipe).validate_python(
        {"kind": "judge", "generator": {"kind": "openai", "model": "m", "base_urls": "http://unused/v1"}} | fields
    )


def verdicts(tmp_path) -> list[dict[str, object]]:
    return ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()


def test_a_judge_is_asked_once_about_each_candidate_that_the_other_gates_left(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(12))
    with Server(tmp_path / "server", fault_share=0.2, slow_seconds=0.1) as server, Server(tmp_path / "judge") as judge:
        others = [{"kind": "refusal", "more": [r"\([0-4]\d*\)"]}]
        synthesize(recipe(tmp_path, documents, server.url, gates=[*others, gate(tmp_path, judge.url, accept=["no such label"])]))
        n_left = 12 - sum(one["rule"] == "gate/refusal/more" for one in verdicts(tmp_path))
        assert len(judge.asked()) == n_left and 0 < n_left < 12
        refused = [one for one in verdicts(tmp_path) if one["rule"] == "gate/judge/refused"]
        assert len(refused) == n_left and {(one["value"], one["threshold"]) for one in refused} == {(0.0, 0.5)}
        assert str(refused[0]["detail"]).startswith("What is said about")
        n_asked = len(server.asked())
        report = synthesize(recipe(tmp_path, documents, server.url, gates=[gate(tmp_path, judge.url, accept=[str(one["detail"]) for one in refused])]))
        assert len(server.asked()) == n_asked and report["counts"]["documents"] >= n_left


def test_what_judges_said_outlives_a_change_of_the_threshold_and_the_server(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(6))
    with Server(tmp_path / "server") as server, Server(tmp_path / "judge") as judge:
        synthesize(recipe(tmp_path, documents, server.url, gates=[gate(tmp_path, judge.url, accept=["x"])], sampling={"samples": 2}))
        synthesize(
            recipe(tmp_path, documents, server.url, gates=[gate(tmp_path, judge.url, accept=["x"])], sampling={"samples": 2}), out=tmp_path / "two", workers=2
        )
    without = ("work", "journal")
    assert content(tmp_path / "out", without=without) == content(tmp_path / "two", without=without)
    dead = "http://127.0.0.1:9/v1"
    again = recipe(tmp_path, documents, dead, gates=[gate(tmp_path, dead, min_score=1)], sampling={"samples": 2})
    assert synthesize(again)["verdicts"] == {"gate/judge/too_low": 12}


def test_documents_that_rules_made_can_be_judged_too(tmp_path):
    text = " ".join(f'"Harbour {n}" means any place of shelter for ships that is used for trade.' for n in range(5))
    documents = str(write_documents(tmp_path / "corpus", [text]))
    with Server(tmp_path / "judge") as judge:
        made = {"inputs": documents, "task": "definitions", "out": str(tmp_path / "out"), "gates": [gate(tmp_path, judge.url, accept=["x"])]}
        write_yaml(tmp_path / "judge.yaml", JUDGE | {"prompt": {"user": "{{ text }}"}})
        assert synthesize(write_yaml(tmp_path / "recipe.yaml", made))["verdicts"] == {"gate/judge/refused": 1}
        assert len(judge.asked()) == 1


@pytest.mark.parametrize(
    "values, n_asked, fields, rule",
    [
        (["pass", "PASS", "fail"], 3, {"accept": ["pass"]}, None),
        (["pass", "fail", "fail"], 3, {"accept": ["pass"]}, "judge/refused"),
        (["pass"], 3, {"accept": ["pass"]}, "judge/refused"),
        (["4", "3"], 3, {"min_score": 3.5}, None),
        (["4", "2"], 2, {"min_score": 3.5}, "judge/too_low"),
        (["good"], 1, {"min_score": 3.5}, "judge/too_low"),
        ([], 1, {"accept": ["pass"]}, "judge/refused"),
    ],
)
def test_samples_of_a_judge_are_counted_or_averaged(values, n_asked, fields, rule):
    found = build(**fields).decide([{"verdict": value} for value in values], n_asked)
    assert (found and found.rule) == rule


@pytest.mark.parametrize("fields", [{}, {"accept": ["pass"], "min_score": 1}])
def test_a_judge_decides_by_labels_or_by_a_number(fields):
    with pytest.raises(ValidationError, match="give either `accept`"):
        build(**fields)


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"field": "grade"}, "items of task judge_label have no field 'grade'; their fields: reason, verdict"),
        ({"task": "definitions"}, "works by rules"),
        ({"task": "no_such"}, "neither a YAML file nor a shipped task"),
        ({"task_options": {"x": 1}}, "has no such option"),
    ],
)
def test_a_judge_that_cannot_work_is_told_before_anything_is_asked(tmp_path, fields, told):
    made = build(accept=["pass"], **fields).model_dump(mode="json")
    generator = {"kind": "openai", "model": "m", "base_urls": "http://unused/v1"}
    gates = [made | {"generator": generator, "task": fields.get("task", "judge_label")}]
    path = recipe(tmp_path, write_documents(tmp_path / "corpus", prose(1)), "http://unused/v1", gates=gates)
    with pytest.raises(CurateError, match=told):
        prepare_task(load_run_recipe(path, SynthesizeRecipe)[0])


def test_a_judges_key_is_read_from_the_environment_and_stands_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "very-secret")
    documents = write_documents(tmp_path / "corpus", prose(2))
    with Server(tmp_path / "server") as server, Server(tmp_path / "judge", key="very-secret") as judge:
        made = gate(tmp_path, judge.url, accept=["x"])
        made["generator"] = {**made["generator"], "api_key_env": "JUDGE_KEY"}  # type: ignore[dict-item]
        path = recipe(tmp_path, documents, server.url, gates=[made])
        assert synthesize(path)["verdicts"] == {"gate/judge/refused": 2}
        assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file() and b"very-secret" in file.read_bytes()]
        loose = recipe(tmp_path, documents, server.url, {"options": {"note": "very-secret"}}, gates=[made])
        with pytest.raises(CurateError, match="the key in JUDGE_KEY is written in the recipe or the task"):
            make_plan(*load_run_recipe(loose, SynthesizeRecipe))


def test_a_judges_task_counts_by_what_it_says(tmp_path):
    documents = write_documents(tmp_path / "corpus", prose(1))
    made = recipe(tmp_path, documents, "http://unused/v1", gates=[gate(tmp_path, "http://unused/v1", accept=["x"])])
    keys = []
    for text in ("right?", "wrong?"):
        (tmp_path / "judge.yaml").write_text(json.dumps(JUDGE | {"prompt": {"user": text}}))
        keys.append(make_plan(*load_run_recipe(made, SynthesizeRecipe)).key)
    assert keys[0] != keys[1]
