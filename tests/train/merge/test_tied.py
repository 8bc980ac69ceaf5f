import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tests.train.parts import tiny_network, write_tokenizer
from train.errors import TrainError
from train.merge.recipe import MergeRecipe
from train.merge.run import merge
from train.merge.tied import drop_tied_copies
from train.save.tensors import StoredWeights

EMBEDDING = "model.embed_tokens.weight"


def write_tied(folder, seed, factor=None):
    """A tied model that also stores its head, multiplied by `factor`, unless that is None."""
    tiny_network(seed=seed).save_pretrained(folder)
    write_tokenizer(folder)
    if factor is not None:
        tensors = load_file(folder / "model.safetensors")
        save_file(tensors | {"lm_head.weight": factor * tensors[EMBEDDING]}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_stored_copy_of_the_embedding_is_left_out(tmp_path):
    weights = StoredWeights(write_tied(tmp_path / "double", 0, factor=1.0))
    assert "lm_head.weight" in weights
    drop_tied_copies(weights)
    assert "lm_head.weight" not in weights and "lm_head.weight" not in weights.infos and EMBEDDING in weights


def test_a_model_that_stores_its_head_merges_with_one_that_does_not(tmp_path):
    models = [write_tied(tmp_path / "plain", 0), write_tied(tmp_path / "double", 1, factor=1.0)]
    for order in (models, models[::-1], models[1:]):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        merge(MergeRecipe(method="linear", models=order, out=out))
        expected = torch.stack([load_file(folder / "model.safetensors")[EMBEDDING] for folder in order]).mean(dim=0)
        assert torch.allclose(load_file(out / "model.safetensors")[EMBEDDING], expected) and "lm_head.weight" not in load_file(out / "model.safetensors")
        assert AutoModelForCausalLM.from_pretrained(out).lm_head.weight.equal(load_file(out / "model.safetensors")[EMBEDDING])


def test_a_head_that_differs_from_the_embedding_it_is_tied_to_is_refused(tmp_path):
    folder = write_tied(tmp_path / "other", 0, factor=2.0)
    with pytest.raises(TrainError, match=r"other: config.json ties lm_head.weight to model.embed_tokens.weight .*, but their stored values differ"):
        merge(MergeRecipe(method="linear", models=[folder], out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_head_of_its_own_stays(tmp_path):
    folder = write_tied(tmp_path / "own", 0, factor=2.0)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    weights = StoredWeights(folder)
    drop_tied_copies(weights)
    assert "lm_head.weight" in weights


def test_an_architecture_that_transformers_does_not_know_stays_as_it_is(tmp_path):
    folder = write_tied(tmp_path / "unknown", 0, factor=1.0)
    (folder / "config.json").write_text(json.dumps({"model_type": "ours", "tie_word_embeddings": True}))
    weights = StoredWeights(folder)
    drop_tied_copies(weights)
    assert "lm_head.weight" in weights
