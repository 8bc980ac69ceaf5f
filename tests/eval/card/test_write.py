import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from eval.card.results import read_results
from eval.card.write import CardFacts, card_text, write_card
from eval.errors import EvalError
from eval.frontier.runs import read_run
from shards.errors import ShardError
from tests.commands import run as run_command
from tests.eval.frontier.outputs import write_evaluation, write_run
from tests.eval.synthetic import write_json

FACTS = CardFacts(base_model="me/base-1b", datasets=("me/law",), license="apache-2.0", languages=("en",))


def write_tasks(folder):
    bounds = {"low": 0.3, "high": 0.5, "standard_error": 0.05, "items": 200, "clusters": 200, "effective": 200.0}
    scores = [
        {"model": model, "task": "qa|x", "metric": metric, "value": 0.4, "smallest_change": 0.1, **bounds}
        for model in ("base", "law")
        for metric in ("bits_per_byte", "acc")
    ]
    change = bounds | {
        "delta": 0.1,
        "low": 0.02,
        "high": 0.18,
        "minimum_detectable": 0.1,
        "p_value": 0.01,
        "adjusted_p": 0.02,
        "verdict": "better",
        "of": "checkpoint",
    }
    task = {"suite": "items", "kind": "choice", "accuracy": "acc", "shots": 0, "chance": 0.25, "items": 200, "left_out": 0, "subtasks": 0}
    content = {"name": "t", "recipe": {"context_tokens": 64}, "recipe_hash": "a" * 32, "baseline": "base", "recipes": {}, "policy": "", "versions": {}}
    content |= {"settings": {}, "models": {"base": {"checksum": "b"}, "law": {"checksum": "c"}}, "tasks": {"qa|x": task}, "scores": scores, "subtasks": []}
    write_json(folder / "tasks.json", content | {"differences": [{"model": "law", "against": "base", "task": "qa|x", "metric": "acc", **change}]})
    return folder


@pytest.fixture
def folders(tmp_path):
    scores = write_evaluation(tmp_path / "scores", {"base": {"law": 0, "web": 0}, "law": {"law": -0.3, "web": 0.02}})
    return [scores, write_tasks(tmp_path / "tasks")], write_run(tmp_path / "run", "law")


def test_the_hub_reads_every_result_with_base_model_and_data_sets(folders):
    results, run = folders
    text = card_text(read_results(results, "law", None), read_run(run, "run"), FACTS)
    card = ModelCard(text)
    assert isinstance(card.data, ModelCardData) and card.data.base_model == "me/base-1b" and card.data.datasets == ["me/law"]
    assert (card.data.license, card.data.language, card.data.pipeline_tag) == ("apache-2.0", ["en"], "text-generation")
    found = {(row.dataset_name, row.metric_type): row.metric_value for row in card.data.eval_results}
    assert set(found) == {("law, held out", "bits_per_byte"), ("web, held out", "bits_per_byte"), ("qa|x", "bits_per_byte"), ("qa|x", "acc")}
    assert found["law, held out", "bits_per_byte"] == pytest.approx(1.5, abs=0.2) and found["qa|x", "acc"] == 0.4
    header = yaml.safe_load(text.split("---")[1])
    assert header["model-index"][0]["name"] == "law" and len(header["model-index"][0]["results"]) == 3, "one entry for each data set"


def test_the_text_says_intervals_changes_and_what_it_was_trained_on(folders):
    results, run = folders
    text = card_text(read_results(results, "law", None), read_run(run, "run"), FACTS)
    assert "| qa\\|x | accuracy (higher is better) | 0.4000 | 0.3000 to 0.5000 | +0.1000 [+0.0200, +0.1800] | better | 200 items |" in text
    assert "on 10,000 tokens." in text and "| law | 70.0% |" in text and "10,000 tokens in 10 steps, 0.0111 GPU hours" in text
    assert "[me/base-1b](https://huggingface.co/me/base-1b)" in text and "context tokens: 64." in text


def test_the_card_goes_into_the_model_folder_that_push_sends_and_spares_another_ones(folders, tmp_path):
    results, run = folders
    (run / "model").mkdir()
    said = run_command("evaluate", "card", results[0], "--run", run, "--out", run / "model")
    assert "README.md" in said and "--base-model" in said
    assert "model/README.md" in (run / ".cptkit-files").read_text()
    assert ModelCard.load(run / "model" / "README.md").data.model_name == "law"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my own card")
    with pytest.raises(ShardError, match=r"README.md: already exists"):
        write_card(results, "law", None, FACTS, tmp_path / "mine")


def test_a_model_that_is_not_there_is_refused(folders, tmp_path):
    results, run = folders
    with pytest.raises(EvalError, match=r"model other: not in .*; the models are base, law"):
        read_results(results, "other", None)
    more = write_evaluation(tmp_path / "more", {"base": {"law": 0}, "a": {"law": 0}, "b": {"law": 0}})
    with pytest.raises(EvalError, match=r"--model: choose one of a, b"):
        read_results([more], None, None)
    with pytest.raises(EvalError, match=r"model of the run: not in"):
        read_results([more], None, read_run(run, "run"))
    with pytest.raises(EvalError, match=r"run: neither summary.json nor tasks.json"):
        read_results([run], None, None)
