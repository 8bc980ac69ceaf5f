import logging

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.train.older_transformers import MODELS, make_bases
from tests.train.parts import tiny_network
from train.model import load_network, stored_dtype
from train.save.model import SHARD_BYTES, export_state, save_model, save_weights
from train.save.tensors import StoredWeights


def save(network, weights, folder, dtype, base):
    folder.mkdir(exist_ok=True)
    save_model(network, export_state(network, weights, dtype, keep=True), folder, dtype, base)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_saved_model_is_a_plain_hugging_face_folder(tmp_path, base, architecture, dtype):
    network = tiny_network(architecture)
    save(network, dict(network.named_parameters()), tmp_path, dtype, base)
    assert len({path.stat().st_mode for path in tmp_path.glob("*.*") if path.suffix in (".json", ".safetensors") and "tokenizer" not in path.name}) == 1
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert loaded.dtype == dtype == stored_dtype(tmp_path)
    assert loaded.config._attn_implementation == "sdpa"
    for one, other in zip(loaded.parameters(), network.parameters(), strict=True):
        assert one.equal(other.to(dtype))
    assert (tmp_path / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_masters_stand_in_for_the_networks_own_weights_and_stay_tied(tmp_path, base):
    network = tiny_network()
    masters = {name: torch.full_like(parameter, 2.0) for name, parameter in network.named_parameters()}
    save(network, masters, tmp_path, torch.float32, base)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    assert all(bool((parameter == 2.0).all()) for parameter in loaded.parameters())


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A tiny model of each architecture, as transformers writes it."""
    folder = tmp_path_factory.mktemp("bases")
    make_bases(folder)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_tensors_have_the_names_shapes_and_values_of_the_base(tmp_path, bases, name):
    network = load_network(bases / name)
    save(network, {}, tmp_path, torch.float32, bases / name)
    before, after = load_file(bases / name / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(tensor.equal(after[key]) for key, tensor in before.items())


def test_a_model_whose_layout_cannot_be_converted_is_saved_in_the_layout_in_memory(tmp_path, bases, monkeypatch, caplog):
    def fails(*_):
        raise KeyError("experts.7.w1")

    network = load_network(bases / "mixtral")
    monkeypatch.setattr("transformers.core_model_loading.revert_weight_conversion", fails)
    with caplog.at_level(logging.WARNING):
        save(network, {}, tmp_path, torch.float32, bases / "mixtral")
    assert "published names and shapes ('experts.7.w1')" in caplog.text
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    for (key, one), (_, other) in zip(loaded.named_parameters(), network.named_parameters(), strict=True):
        assert one.equal(other), key


def test_weights_are_cut_into_files_of_our_own_limit(tmp_path, monkeypatch):
    network = tiny_network()
    assert SHARD_BYTES == 5_000_000_000
    save_weights(network, export_state(network, {}, torch.float32, keep=True), tmp_path, shard_bytes=20_000)
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 1
    assert StoredWeights(tmp_path).infos.keys() == {name for name, _ in network.named_parameters()}


def test_files_that_training_does_not_change_stay_as_they_are_even_if_transformers_would_refuse_them(tmp_path, base):
    mended = tmp_path / "base"
    network = tiny_network()
    save(network, {}, mended, torch.float32, base)
    files = {
        "generation_config.json": '{"do_sample": false,  "temperature": 0.6, "_from_model_config": true}',
        "preprocessor_config.json": "{ }", "processor_config.json": "{}", "LICENSE.txt": "Our licence", "NOTICE": "Built with", "USE_POLICY.md": "No",
        "chat_template.jinja": "{{ messages }}", "additional_chat_templates/tools.jinja": "{{ tools }}", "vocab.json": "{}", "tekken.json": "{}",
    }  # fmt: skip
    others = {"README.md": "# The base", "modeling_own.py": "import os", "optimizer.pt": "x", "original/params.json": "{}"}
    for name, text in (files | others).items():
        (mended / name).parent.mkdir(exist_ok=True)
        (mended / name).write_text(text)
    save(load_network(mended), {}, tmp_path / "out", torch.float32, mended)
    assert {name: (tmp_path / "out" / name).read_text() for name in files} == files
    assert not any((tmp_path / "out" / name).exists() for name in others)
    AutoModelForCausalLM.from_pretrained(tmp_path / "out")


def test_a_base_without_generation_settings_gets_none(tmp_path, base):
    stripped = tmp_path / "base"
    save(tiny_network(), {}, stripped, torch.float32, base)
    (stripped / "generation_config.json").unlink()
    save(load_network(stripped), {}, tmp_path / "out", torch.float32, stripped)
    assert not (tmp_path / "out" / "generation_config.json").exists()
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out").generation_config.eos_token_id == 2
