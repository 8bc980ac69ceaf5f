"""Whole runs that extend the context of their model."""

import hashlib
import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.parts import ROW_TOKENS, tiny_network, write_tokenizer
from tests.train.runs import go, stop_at, weights
from train.errors import TrainError
from train.plan.plan import hardware, plan
from train.recipe import TrainRecipe

ROPE = {"kind": "yarn", "factor": 4}


@pytest.fixture
def short(tmp_path, base):
    """The tiny model, made for half a row."""
    network = tiny_network()
    network.config.max_position_embeddings = ROW_TOKENS // 2
    network.save_pretrained(tmp_path / "short")
    folder = write_tokenizer(tmp_path / "short")
    assert hashlib.sha256((folder / "tokenizer.json").read_bytes()).digest() == hashlib.sha256((base / "tokenizer.json").read_bytes()).digest()
    return str(folder)


def test_a_run_trains_rows_beyond_the_models_context_and_saves_the_new_frequencies(write_recipe, tmp_path, short):
    with pytest.raises(TrainError, match=r"at most 24 tokens .* have 48"):
        go(write_recipe(model=short))
    go(write_recipe(model=short, rope=ROPE))
    config = json.loads((tmp_path / "run/model/config.json").read_text())
    assert config["max_position_embeddings"] == 96
    assert config["rope_parameters"]["rope_type"] == "yarn" and config["rope_parameters"]["factor"] == 4
    module = AutoModelForCausalLM.from_pretrained(tmp_path / "run/model").model.rotary_emb
    assert module.attention_scaling == pytest.approx(1.1386, abs=1e-4)


def test_a_stopped_run_goes_on_with_the_same_frequencies(write_recipe, tmp_path, short, monkeypatch):
    recipe = write_recipe(model=short, rope=ROPE)
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patched:
        stop_at(patched, 7)
        assert go(recipe).step == 7
    go(recipe)
    torch.testing.assert_close(weights(tmp_path / "run"), weights(tmp_path / "straight"), rtol=0, atol=0)


def test_other_frequencies_are_another_run(write_recipe, short):
    go(write_recipe(model=short, rope=ROPE))
    with pytest.raises(TrainError, match="another recipe"):
        go(write_recipe(model=short, rope=ROPE | {"factor": 8}))


def test_a_plan_knows_the_extended_context(write_recipe, short):
    settings = {"name": "x", "model": short, "mix": "none", "rope": ROPE}
    on = hardware(None, 1, 0.4, None, None, None)
    assert plan(TrainRecipe.model_validate(settings), on, 96, 10_000)["rows"]
    with pytest.raises(TrainError, match="at most 96 tokens"):
        plan(TrainRecipe.model_validate(settings), on, 97, 10_000)
