import math

import numpy as np
import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from eval.errors import EvalError
from eval.long_context import measure as measure_module
from eval.run import run
from tests.eval.conftest import DOMAIN, save_documents, save_tokenizer
from tests.records import content_of

LONG = ["".join(chr(97 + (number * index * 7 + index // 3) % 26) for index in range(150 + 10 * number)) for number in range(6)]
SETTINGS = {"domain": "domain", "lengths": [40, 120, 160], "needle": {"depths": [0, 1], "samples": 3, "alternatives": 2}}


@pytest.fixture
def long_recipe(recipe, tmp_path):
    def build(**changes):
        domains = {"domain": {"documents": save_documents(tmp_path / "long", [*DOMAIN, *LONG]), "max_documents": 5, "max_bytes_per_document": 50}}
        settings = {"domains": domains, "long_context": SETTINGS | {"lengths": [110, 140, 160]}}
        return recipe(**(settings | changes))

    return build


def test_positions_and_needles_of_every_model_are_in_the_summary(long_recipe):
    made = long_recipe()
    summary = run(made)
    section = summary["long_context"]
    texts = [*DOMAIN, *LONG]
    assert section["documents"] == sum(len(text.encode()) >= 160 for text in texts)
    assert [(row["model"], row["from"], row["to"]) for row in section["positions"]] == [
        (model, first, last) for model in ("base", "adapted") for first, last in ((1, 110), (111, 140), (141, 160))
    ]
    for row in section["positions"]:
        n_tokens = {110: 110, 140: 30, 160: 19}[row["to"]]  # without a beginning-of-text token, the first token is not predicted
        assert row["tokens"] == section["documents"] * n_tokens and row["low"] < row["nats_per_token"] < row["high"]
        assert row["perplexity"] == pytest.approx(math.exp(row["nats_per_token"])) and row["beyond_limit"]
    for row in section["differences"]:
        here = {one["model"]: one["nats_per_token"] for one in section["positions"] if one["to"] == row["to"]}
        assert row["delta"] == pytest.approx(here["adapted"] - here["base"]) and row["against"] == "base"
    assert len(section["needle"]) == 2 * 3 * 2
    assert all(row["trials"] == 3 and row["low"] <= row["accuracy"] <= row["high"] and 1 <= row["mean_rank"] <= 3 for row in section["needle"])
    assert content_of(made.out / "summary.json") == summary


def test_a_rerun_measures_nothing_again(long_recipe, monkeypatch):
    made = long_recipe()
    first = run(made)
    monkeypatch.setattr(measure_module, "load_model", None)
    assert run(made) == first


def test_without_the_section_nothing_is_measured(recipe):
    assert "long_context" not in run(recipe())


def test_needles_may_be_left_out(long_recipe):
    assert run(long_recipe(long_context=SETTINGS | {"needle": None}))["long_context"]["needle"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"long_context": SETTINGS | {"lengths": [110, 100_000]}}, "domain domain has 0 documents of at least 100,000 tokens"),
        ({"long_context": SETTINGS | {"lengths": [90, 160]}}, "take 10. tokens, lengths begin at 90; raise the shortest length, or set needle: null"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(long_recipe, changes, words):
    with pytest.raises(EvalError, match=words):
        run(long_recipe(**changes))


def test_models_with_different_tokenizers_are_refused(long_recipe, model_folders):
    models = {"base": model_folders["base"], "adapted": model_folders["with_bos"]}
    with pytest.raises(EvalError, match="models base and adapted have different tokenizers"):
        run(long_recipe(models=models))


def test_a_table_of_positions_is_refused_where_it_ends(long_recipe, tmp_path):
    GPT2LMHeadModel(GPT2Config(vocab_size=258, n_embd=16, n_layer=1, n_head=2, n_positions=64)).save_pretrained(tmp_path / "gpt2")
    save_tokenizer(tmp_path / "gpt2")
    with pytest.raises(EvalError, match="model only has a table of 64 positions, lengths go to 160"):
        run(long_recipe(models={"only": tmp_path / "gpt2"}, baseline="only"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"domain": "other"}, "no domain is called other"),
        ({"lengths": [200, 100]}, "200, 100 are not ascending"),
        ({"lengths": []}, "at least 1 item"),
    ],
)
def test_a_section_that_cannot_be_is_refused(long_recipe, changes, words):
    with pytest.raises(ValueError, match=words):
        long_recipe(long_context=SETTINGS | changes)


def test_the_same_trials_are_given_to_every_model(long_recipe, model_folders):
    section = run(long_recipe(models={"base": model_folders["base"], "adapted": model_folders["base"]}))["long_context"]
    base, same = (
        [{key: value for key, value in row.items() if key != "model"} for row in section["needle"] if row["model"] == name] for name in ("base", "adapted")
    )
    assert base == same and np.unique([row["nats"] for row in base]).size > 1


def test_long_documents_that_depend_on_each_other_count_as_the_domain_says(long_recipe, tmp_path):
    documents = save_documents(tmp_path / "grouped", LONG)
    rows = {}
    for clusters in ("none", "source"):
        made = long_recipe(domains={"domain": {"documents": documents, "clusters": clusters}}, out=tmp_path / clusters, work=tmp_path / "work")
        section = run(made)["long_context"]
        rows[clusters] = section["differences"][0]
        assert section["clustered_by"] == clusters
    assert (rows["none"]["clusters"], rows["source"]["clusters"]) == (section["documents"], 1)
    assert rows["none"]["low"] is not None and rows["source"]["low"] is None and rows["source"]["verdict"] == "too few"
