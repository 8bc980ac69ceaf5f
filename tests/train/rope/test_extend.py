"""A recipe extends a model's context, and transformers computes the same from what is saved."""

import copy
import math

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from tests.train.parts import write_tokenizer
from tests.train.test_architectures import COMMON, MORE, network_of, random_network
from train.errors import TrainError
from train.fit import check_row_length, read_config
from train.model import load_network, model_config
from train.rope.by_document import rotary_modules
from train.rope.extend import extend_config, position_limit
from train.rope.recipe import RopeRecipe
from train.save.model import export_state, save_model

HEAD, POSITIONS = 128, 2048
KINDS = ("yarn", "linear", "ntk", "llama3")


def saved(folder, config):
    """The folder of a model with random weights."""
    network = random_network(config)
    network.save_pretrained(folder)
    return folder


def llama(**changes):
    return transformers.LlamaConfig(**COMMON | {"head_dim": HEAD, "max_position_embeddings": POSITIONS} | changes)


def frequencies(folder, rope):
    """(inverse frequencies, factor of cosines and sines) of the network with `rope`."""
    module = rotary_modules(load_network(folder, rope=rope))[0]
    return module.inv_freq, module.attention_scaling


def plain_frequencies(base=10_000.0, size=HEAD):
    return base ** (-torch.arange(0, size, 2).double() / size)


@pytest.mark.parametrize("kind", KINDS)
def test_a_factor_of_1_changes_nothing(tmp_path, kind):
    folder = saved(tmp_path, llama())
    found, scaling = frequencies(folder, RopeRecipe(kind=kind, factor=1))
    torch.testing.assert_close(found.double(), plain_frequencies(), rtol=1e-6, atol=0)
    assert scaling == 1


@pytest.mark.parametrize("factor", [1.5, 4, 32])
def test_frequencies_are_those_of_the_papers(tmp_path, factor):
    folder, plain = saved(tmp_path, llama()), plain_frequencies()
    turns = POSITIONS * plain / (2 * math.pi)  # over the original positions

    found, scaling = frequencies(folder, RopeRecipe(kind="linear", factor=factor))
    torch.testing.assert_close(found.double(), plain / factor, rtol=1e-6, atol=0)
    assert scaling == 1

    found, scaling = frequencies(folder, RopeRecipe(kind="ntk", factor=factor))
    torch.testing.assert_close(found.double(), plain_frequencies(10_000 * factor ** (HEAD / (HEAD - 2))), rtol=1e-5, atol=0)
    assert found[-1] == pytest.approx(float(plain[-1]) / factor, rel=1e-5)  # the lowest frequency is interpolated in full

    found, scaling = frequencies(folder, RopeRecipe(kind="yarn", factor=factor))
    torch.testing.assert_close(found[turns > 35].double(), plain[turns > 35], rtol=1e-6, atol=0)
    torch.testing.assert_close(found[turns < 0.9].double(), plain[turns < 0.9] / factor, rtol=1e-6, atol=0)
    between = found[(turns < 28) & (turns > 1.2)].double()
    assert (between < plain[(turns < 28) & (turns > 1.2)]).all() and (between > plain[(turns < 28) & (turns > 1.2)] / factor).all()
    assert scaling == pytest.approx(0.1 * math.log(factor) + 1)

    found, scaling = frequencies(folder, RopeRecipe(kind="llama3", factor=factor))
    smooth = ((turns - 1) / (4 - 1)).clamp(0, 1)
    torch.testing.assert_close(found.double(), (1 - smooth) * plain / factor + smooth * plain, rtol=1e-5, atol=0)


def test_a_base_replaces_that_of_the_model(tmp_path):
    folder = saved(tmp_path, llama())
    found, _ = frequencies(folder, RopeRecipe(kind="ntk", factor=4, base=500_000))
    torch.testing.assert_close(found.double(), plain_frequencies(500_000), rtol=1e-5, atol=0)
    found, _ = frequencies(folder, RopeRecipe(kind="linear", factor=4, base=500_000))
    torch.testing.assert_close(found.double(), plain_frequencies(500_000) / 4, rtol=1e-5, atol=0)


def test_bounds_of_the_rules_can_be_set(tmp_path):
    folder, plain = saved(tmp_path, llama()), plain_frequencies()
    turns = POSITIONS * plain / (2 * math.pi)
    found, _ = frequencies(folder, RopeRecipe(kind="yarn", factor=4, beta_fast=300, beta_slow=100))
    torch.testing.assert_close(found[turns < 90].double(), plain[turns < 90] / 4, rtol=1e-6, atol=0)
    assert (found[(turns > 110) & (turns < 280)] < plain[(turns > 110) & (turns < 280)]).all()
    found, _ = frequencies(folder, RopeRecipe(kind="llama3", factor=4, low_freq_factor=1e8, high_freq_factor=1e9))
    torch.testing.assert_close(found.double(), plain / 4, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["llama", "phi", "qwen3", "mistral", "gemma3", "olmo3", "cohere", "gpt_oss"])
def test_the_saved_model_has_the_same_logits_in_transformers(tmp_path, name, kind):
    base, out = tmp_path / "base", tmp_path / "out"
    network = network_of(name)
    network.save_pretrained(base)
    write_tokenizer(base)
    ids, rope = torch.arange(2, 90)[None].repeat(1, 2), RopeRecipe(kind=kind, factor=4)
    if name == "gpt_oss" and kind != "yarn":  # its default kind is yarn
        with pytest.raises(TrainError, match="already has rotary embeddings of kind yarn"):
            load_network(base, rope=rope)
        return
    extended = load_network(base, rope=rope)
    assert extended.config.max_position_embeddings == read_config(base, rope).max_position_embeddings >= 256
    out.mkdir()
    save_model(extended, export_state(extended, {}, torch.float32, keep=True), out, torch.float32, base)
    loaded = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    extended.set_attn_implementation("eager")
    with torch.no_grad():
        expected = extended.eval()(ids, use_cache=False).logits
        assert loaded(ids, use_cache=False).logits.equal(expected)
        assert not network.eval()(ids, use_cache=False).logits.allclose(expected, atol=1e-3)


def test_only_layers_with_full_attention_are_extended(tmp_path):
    folder = saved(tmp_path, transformers.Gemma3TextConfig(**copy.deepcopy(MORE["gemma3"][1])))
    before = model_config(folder).rope_parameters
    after = model_config(folder, RopeRecipe(kind="linear", factor=8)).rope_parameters
    assert after["sliding_attention"] == before["sliding_attention"]
    assert after["full_attention"] == {"rope_type": "linear", "factor": 8.0, "rope_theta": before["full_attention"]["rope_theta"]}


@pytest.mark.parametrize("kind", ["yarn", "linear", "llama3"])
def test_an_extended_model_is_extended_further_from_its_original_positions(tmp_path, kind):
    first, second = saved(tmp_path / "first", llama()), tmp_path / "second"
    load_network(first, rope=RopeRecipe(kind=kind, factor=2)).save_pretrained(second)
    assert model_config(second).max_position_embeddings == 2 * POSITIONS
    twice, at_once = (model_config(folder, RopeRecipe(kind=kind, factor=8)) for folder in (second, first))
    assert twice.max_position_embeddings == 8 * POSITIONS
    assert twice.rope_parameters == at_once.rope_parameters
    with pytest.raises(TrainError, match=r"2048 positions x factor 1.5 are 3072, fewer than the 4096 of model .*second; raise factor to 2 or more"):
        model_config(second, RopeRecipe(kind=kind, factor=1.5))


def test_an_attention_factor_of_an_earlier_extension_is_not_kept(tmp_path):
    parameters = {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1e4, "original_max_position_embeddings": POSITIONS, "attention_factor": 0.5}
    folder = saved(tmp_path, llama(max_position_embeddings=2 * POSITIONS, rope_parameters=parameters))
    assert frequencies(folder, None)[1] == 0.5
    assert frequencies(folder, RopeRecipe(kind="yarn", factor=4))[1] == pytest.approx(0.1 * math.log(4) + 1)


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        (transformers.GPT2Config(n_embd=32, n_layer=1, n_head=4), "yarn", r"\(gpt2\) has no rotary embeddings that transformers can change"),
        (llama(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}), "yarn", "use kind linear with a larger factor"),
        (llama(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}), "yarn", "kind dynamic, .* leave rope out"),
        (transformers.Phi3Config(**COMMON), "yarn", r"this architecture \(phi3\) does not take it: .*must be one of \['longrope'\]"),
    ],
)
def test_what_cannot_be_extended_is_refused_with_the_reason(tmp_path, config, kind, message):
    config.save_pretrained(tmp_path)
    with pytest.raises(TrainError, match=message):
        model_config(tmp_path, RopeRecipe(kind=kind, factor=4))


def test_ntk_needs_a_base_where_only_one_frequency_is_rotated(tmp_path):
    network_of("gpt_neox").save_pretrained(tmp_path)
    with pytest.raises(TrainError, match=r"a head has 2 rotated dimensions; .* give rope.base"):
        model_config(tmp_path, RopeRecipe(kind="ntk", factor=4))
    assert model_config(tmp_path, RopeRecipe(kind="ntk", factor=4, base=5e5)).rope_parameters["rope_theta"] == 5e5


def test_layers_without_rotary_embeddings_where_they_attend_to_everything_are_refused():
    settings = copy.deepcopy(MORE["gemma3"][1]) | {"rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}}
    config = transformers.Gemma3TextConfig(**settings)
    config.rope_parameters = {"sliding_attention": config.rope_parameters["sliding_attention"], "full_attention": None}
    with pytest.raises(TrainError, match="has rotary parameters for sliding_attention, none for full_attention"):
        extend_config(config, RopeRecipe(kind="linear", factor=2), "M")


def test_an_architecture_that_ignores_its_parameters_is_refused(tmp_path, monkeypatch):
    folder = saved(tmp_path, llama())
    monkeypatch.setattr("train.rope.extend.rotary_modules", lambda network: [])
    with pytest.raises(TrainError, match="LlamaForCausalLM does not read the rotary parameters"):
        load_network(folder, rope=RopeRecipe(kind="yarn", factor=4))


def test_rows_may_be_as_long_as_the_extended_context(tmp_path):
    saved(tmp_path, llama())
    rope = RopeRecipe(kind="yarn", factor=4)
    check_row_length(tmp_path, read_config(tmp_path, rope), 4 * POSITIONS, "rows")
    for changed, row_tokens in ((rope, 4 * POSITIONS + 1), (None, POSITIONS + 1)):
        with pytest.raises(TrainError, match="or extend the model's context with rope"):
            check_row_length(tmp_path, read_config(tmp_path, changed), row_tokens, "rows")


def test_dynamic_frequencies_reach_beyond_the_positions_of_the_configuration():
    dynamic = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.5}
    assert position_limit(llama(rope_parameters=dynamic)) == 5120
    assert position_limit(llama()) == POSITIONS
    nested = {"full_attention": dynamic, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    settings = copy.deepcopy(MORE["gemma3"][1]) | {"rope_parameters": nested, "max_position_embeddings": 64}
    assert position_limit(transformers.Gemma3TextConfig(**settings)) == 160
