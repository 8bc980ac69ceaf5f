import json

import pytest

from shards.errors import RecipeError
from shards.recipe import load_recipe
from tests.train.parts import tiny_network, write_tokenizer
from train.errors import TrainError
from train.recipe import TrainRecipe
from train.run import run


@pytest.fixture
def other(tmp_path):
    """A second model, of a size of its own."""
    network = tiny_network("qwen2", seed=3)
    network.save_pretrained(tmp_path / "other")
    return write_tokenizer(tmp_path / "other")


def trained(write_recipe, out, **changes):
    recipe = load_recipe(write_recipe(steps=3, **changes), TrainRecipe).model_copy(update={"out": out})
    run(recipe)
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_each_objective_trains_and_tells_its_parts(write_recipe, tmp_path, other):
    plain = trained(write_recipe, tmp_path / "plain")
    z_loss = trained(write_recipe, tmp_path / "z", loss={"z_loss": 1e-3})
    selective = trained(write_recipe, tmp_path / "selective", loss={"selective": {"reference": str(other), "share": 0.5}})
    whole = trained(write_recipe, tmp_path / "whole", loss={"selective": {"reference": str(other), "share": 1.0}})
    distill = trained(write_recipe, tmp_path / "distill", loss={"distill": {"teacher": str(other), "weight": 0.5}})
    assert [record["loss"] for record in whole] == [record["loss"] for record in plain]
    assert all(run[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-6) for run in (z_loss, selective, distill))
    assert len({round(run[2]["loss"], 5) for run in (plain, z_loss, selective, distill)}) == 4
    assert 0 < z_loss[0]["z_loss"] < 1
    assert selective[0]["chosen_loss"] > selective[0]["loss"]
    assert distill[0]["kl"] > 0
    record = json.loads((tmp_path / "selective" / "run.json").read_text())
    assert record["second_model_hash"] != record["model_hash"]


def test_a_second_model_with_another_tokenizer_is_refused(write_recipe, tmp_path, other):
    (other / "tokenizer.json").write_text((other / "tokenizer.json").read_text().replace("w2", "other"))
    with pytest.raises(TrainError, match=r"other/tokenizer.json .* is not that of mix"):
        trained(write_recipe, tmp_path / "out", loss={"distill": {"teacher": str(other)}})


def test_a_second_model_that_is_not_there_is_named_by_its_key(write_recipe, tmp_path):
    with pytest.raises(TrainError, match=r"loss.distill.teacher: /no/such/model: no such folder"):
        trained(write_recipe, tmp_path / "out", loss={"distill": {"teacher": "/no/such/model"}})


def test_only_one_second_model_can_be_asked_for(write_recipe, tmp_path):
    with pytest.raises(RecipeError, match="selective and distill exclude each other"):
        trained(write_recipe, tmp_path / "out", loss={"distill": {"teacher": "a"}, "selective": {"reference": "b"}})
