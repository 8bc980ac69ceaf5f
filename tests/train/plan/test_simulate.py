"""The plan's step on meta tensors against the bytes that the same step really takes."""

import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.parts import CONFIGS, pack, random_rows, tiny_model
from train.batch import make_batch
from train.model import prepare
from train.plan import stand_in
from train.plan.live import LiveBytes
from train.plan.simulate import measure_step, run_step
from train.recompute import checkpoint_activations

ROW_TOKENS = 48


def on_meta(architecture, mode="none", n_layers=2, attention=f"{stand_in.NAME}_by_document"):
    stand_in.register()
    config = copy.deepcopy(CONFIGS[architecture])
    config.num_hidden_layers = n_layers
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[0]] * n_layers
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation=attention)
    model = prepare(network)
    checkpoint_activations(network, mode)
    return model


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2", "gpt_neox"])
@pytest.mark.parametrize("mode", ["none", "full"])
def test_the_step_takes_what_it_was_planned_to_take(architecture, mode):
    model = tiny_model(architecture)
    checkpoint_activations(model.network, mode)
    batch = make_batch(pack(random_rows(4)), 2)
    with LiveBytes([*model.parameters(), *model.buffers()]) as live:
        for _ in range(2):
            before = live.now
            live.restart_peak()
            loss = model.loss(batch)
            kept = live.now - before
            loss.total.backward()
            del loss
        peak = live.peak - before
    planned = run_step(on_meta(architecture, mode), 4, ROW_TOKENS)
    # Lengths of documents, index tensors and the kernel's own buffers are what differs: a few hundred bytes a row.
    assert planned.kept == pytest.approx(kept, rel=0.01)
    assert planned.peak == pytest.approx(peak, rel=0.02)


@pytest.mark.parametrize("mode", ["none", "selective", "full"])
def test_a_deep_model_follows_from_shallow_ones(mode):
    whole, followed = run_step(on_meta("llama", mode, 9), 2, ROW_TOKENS), measure_step(on_meta("llama", mode, 9), 2, ROW_TOKENS)
    assert followed == whole


def test_less_is_kept_the_more_is_computed_anew():
    kept = [run_step(on_meta("llama", mode, 4, stand_in.NAME), 2, ROW_TOKENS).kept for mode in ("none", "selective", "full")]
    assert kept[0] > kept[1] > kept[2]


def test_frozen_layers_keep_less():
    free, frozen = on_meta("llama"), on_meta("llama")
    for parameter in [*frozen.network.get_input_embeddings().parameters(), *frozen.layers()[0].parameters()]:
        parameter.requires_grad_(False)
    frozen.network.config.tie_word_embeddings = False
    assert run_step(frozen, 2, ROW_TOKENS).kept < run_step(free, 2, ROW_TOKENS).kept
