import json
import math
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from tests.train.parts import tiny_network, write_tokenizer
from train.cli import app
from train.errors import TrainError
from train.merge import methods
from train.merge.recipe import MergeRecipe
from train.merge.run import merge


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    """Folders base, a, b, c of tiny models that differ in their weights."""
    folder = tmp_path_factory.mktemp("parents")
    for seed, name in enumerate(("base", "a", "b", "c")):
        tiny_network(seed=seed).save_pretrained(folder / name, max_shard_size="30KB" if name == "b" else "1GB")
        write_tokenizer(folder / name)
    return folder


def go(out, **recipe):
    merge(MergeRecipe.model_validate(recipe | {"out": out}))
    return AutoModelForCausalLM.from_pretrained(out).state_dict()


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def equal(found, expected, tolerance=0.0):
    return found.keys() == expected.keys() and all(torch.allclose(found[name], expected[name], rtol=0, atol=tolerance) for name in expected)


@pytest.mark.parametrize(("t", "parent"), [(0.0, "a"), (1.0, "b")])
def test_slerp_at_its_ends_gives_the_parents_back(parents, tmp_path, t, parent):
    assert equal(go(tmp_path / "out", method="slerp", models=[parents / "a", parents / "b"], t=t), weights(parents / parent))


@pytest.mark.parametrize(
    "method", ["linear", "slerp", "karcher", "task_arithmetic", "ties", "dare", "dare_ties", "della", "della_linear", "model_stock", "residual"]
)
def test_models_that_are_all_alike_merge_to_themselves(parents, tmp_path, method):
    recipe = {"method": method, "models": [parents / "a"] * (1 if method == "residual" else 2)}
    recipe |= {"base": parents / "a"} if method not in ("linear", "slerp", "karcher") else {}
    recipe |= {"instruct": parents / "a"} if method == "residual" else {}
    assert equal(go(tmp_path / "out", **recipe), weights(parents / "a"), 1e-6)


def test_every_tensor_is_merged_by_the_method(parents, tmp_path):
    found = go(
        tmp_path / "out", method="ties", base=parents / "base", models=[parents / "a", {"model": parents / "b", "weight": 0.5, "density": 0.3}], scale=0.9
    )
    base, a, b = (weights(parents / name) for name in ("base", "a", "b"))
    expected = {name: methods.ties(base[name], [a[name], b[name]], [1.0, 0.5], [0.5, 0.3], 0.9) for name in base}
    assert equal(found, expected)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"method": "karcher"}, lambda o, a, b: methods.karcher([a, b], [1.0, 1.0])),
        ({"method": "model_stock", "base": "base"}, lambda o, a, b: methods.model_stock(o, [a, b])),
        ({"method": "task_arithmetic", "base": "base", "normalize": True}, lambda o, a, b: o + ((a - o) + (b - o)) / 2),
        ({"method": "ties", "base": "base", "normalize": False}, lambda o, a, b: methods.ties(o, [a, b], [1, 1], [0.5, 0.5], 1, normalize=False)),
    ],
)
def test_other_methods_merge_every_tensor(parents, tmp_path, recipe, expected):
    base = {"base": parents / recipe["base"]} if "base" in recipe else {}
    found = go(tmp_path / "out", models=[parents / "a", parents / "b"], **recipe | base)
    o, a, b = (weights(parents / name) for name in ("base", "a", "b"))
    assert equal(found, {name: expected(o[name], a[name], b[name]) for name in o}, 1e-6)


def test_della_keeps_other_entries_than_dare_and_elects_signs_unless_linear(parents, tmp_path):
    recipe = {"base": parents / "base", "models": [parents / "a", parents / "b"]}
    found = {method: go(tmp_path / method, method=method, **recipe) for method in ("dare", "della_linear", "della", "dare_ties")}
    name = "model.layers.0.mlp.up_proj.weight"
    assert len({tuple(state[name].flatten().tolist()) for state in found.values()}) == 4


def test_patterns_change_settings_of_some_tensors(parents, tmp_path):
    tensors = [{"names": "*.mlp.*", "t": 0.0}, {"names": "*.layers.1.*", "t": 1.0}]
    found = go(tmp_path / "out", method="slerp", models=[parents / "a", parents / "b"], t=0.5, tensors=tensors)
    a, b = weights(parents / "a"), weights(parents / "b")
    name = "model.layers.{}.{}.weight"
    assert found[name.format(1, "mlp.up_proj")].equal(a[name.format(1, "mlp.up_proj")])
    assert found[name.format(1, "self_attn.q_proj")].equal(b[name.format(1, "self_attn.q_proj")])
    middle = name.format(0, "self_attn.q_proj")
    assert found[middle].equal(methods.slerp(a[middle], b[middle], 0.5))


def test_dare_drops_the_same_entries_again_and_others_with_another_seed(parents, tmp_path):
    recipe = {"method": "dare", "base": parents / "base", "models": [parents / "a"]}
    first, again, other = (go(tmp_path / name, seed=seed, **recipe) for name, seed in (("x", 0), ("y", 0), ("z", 1)))
    assert equal(first, again) and not equal(first, other)


def test_the_result_is_a_model_folder_with_tokenizer_dtype_and_record(parents, tmp_path):
    recipe = {"method": "residual", "base": parents / "base", "instruct": parents / "b", "models": [parents / "a"], "dtype": "bf16", "shard_bytes": 20_000}
    found = go(tmp_path / "out", **recipe)
    assert all(tensor.dtype == torch.bfloat16 for tensor in found.values())
    assert AutoTokenizer.from_pretrained(tmp_path / "out").decode([5, 6]) == "w5 w6"
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 1
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert record["recipe"]["method"] == "residual" and set(record["parents"]) == {"base", "instruct", "models.0"}
    assert len(set(record["parents"].values())) == 3


def test_files_that_merging_does_not_change_are_those_of_the_parent(parents, tmp_path):
    shutil.copytree(parents / "a", tmp_path / "a")
    files = {"generation_config.json": '{"do_sample": false,  "temperature": 0.6}', "LICENSE": "Ours", "chat_template.jinja": "{{ x }}"}
    for name, text in files.items():
        (tmp_path / "a" / name).write_text(text)
    go(tmp_path / "out", method="linear", models=[tmp_path / "a", parents / "b"], dtype="fp16")
    assert {name: (tmp_path / "out" / name).read_text() for name in files} == files
    settings = json.loads((tmp_path / "out" / "config.json").read_text())
    assert settings["dtype"] == settings["torch_dtype"] == "float16"


def test_a_stored_dtype_survives_when_none_is_asked_for(parents, tmp_path):
    tiny_network(seed=7).to(torch.float16).save_pretrained(tmp_path / "half")
    write_tokenizer(tmp_path / "half")
    go(tmp_path / "out", method="linear", models=[parents / "a", tmp_path / "half"], like=tmp_path / "half")
    assert {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float16}


def test_other_shapes_and_other_tokens_are_refused_and_nothing_is_written(parents, tmp_path):
    tiny_network("gpt2").save_pretrained(tmp_path / "gpt2")
    with pytest.raises(TrainError, match=r"different tensors: .* merge models of one architecture"):
        go(tmp_path / "out", method="linear", models=[parents / "a", tmp_path / "gpt2"])
    tiny_network(seed=1).save_pretrained(tmp_path / "other")
    content = (write_tokenizer(tmp_path / "other") / "tokenizer.json").read_text()
    (tmp_path / "other" / "tokenizer.json").write_text(content.replace('"w7"', '"seven"'))
    with pytest.raises(TrainError, match=r"differ in 2 ids: 'seven' \(None and 7\), 'w7' \(7 and None\)"):
        go(tmp_path / "out", method="linear", models=[parents / "a", tmp_path / "other"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpt2", "other"]


def test_the_command_takes_arguments_or_a_recipe(parents, tmp_path):
    arguments = ["merge", "--method", "slerp", "--model", parents / "a", "--model", parents / "b", "--set", "t=0", "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output or result.exception
    assert "slerp" in result.output and equal(weights(tmp_path / "out"), weights(parents / "a"))
    (tmp_path / "merge.yaml").write_text(yaml.safe_dump({"method": "linear", "models": [str(parents / "a"), str(parents / "b")]}))
    result = CliRunner().invoke(app, ["merge", str(tmp_path / "merge.yaml"), "--out", str(tmp_path / "out2")])
    assert result.exit_code == 0, result.output or result.exception
    assert torch.allclose(
        weights(tmp_path / "out2")["lm_head.weight"], (weights(parents / "a")["lm_head.weight"] + weights(parents / "b")["lm_head.weight"]) / 2
    )
    result = CliRunner().invoke(app, ["merge", str(tmp_path / "merge.yaml"), "--out", str(tmp_path / "out")])
    assert "not empty; give a new folder" in str(result.exception)


def write_parent(folder, change=None, **settings):
    """A tiny llama with other config settings, or with tensors replaced by `change`."""
    tiny_network(seed=1).save_pretrained(folder)
    write_tokenizer(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))
    if change:
        tensors = load_file(folder / "model.safetensors")
        save_file(tensors | change(tensors), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("method", ["linear", "ties", "lep"])
def test_a_parent_with_values_that_are_not_finite_is_refused_by_name(parents, tmp_path, method, bad):
    name = "model.layers.1.mlp.up_proj.weight"
    broken = write_parent(tmp_path / "broken", lambda tensors: {name: tensors[name].index_fill(0, torch.tensor([3]), bad)})
    recipe = {
        "linear": {"models": [parents / "a", broken]},
        "ties": {"models": [parents / "a"], "base": broken},
        "lep": {"models": [parents / "a"], "base": parents / "base", "instruct": broken, "alignment": "swap"},
    }[method]
    with pytest.raises(TrainError, match=rf"broken: tensor {name} holds NaN or infinite values"):
        go(tmp_path / "out", method=method, **recipe)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_a_result_too_large_for_its_dtype_is_refused_by_name(parents, tmp_path):
    recipe = {"method": "task_arithmetic", "base": parents / "base", "models": [parents / "a"], "scale": 1e6}
    with pytest.raises(TrainError, match=r"embed_tokens.weight: the merged value [\d.e+]+ does not fit into float16 .at most 6.55e\+04.; set dtype: bf16"):
        go(tmp_path / "out", dtype="fp16", **recipe)
    with pytest.raises(TrainError, match=r"model.embed_tokens.weight: merging gives NaN or infinite values from finite parents"):
        go(tmp_path / "out", **recipe | {"scale": 1e39})
    assert not list(tmp_path.iterdir())
