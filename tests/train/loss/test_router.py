import json

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from tests.train.devices.test_world import go_together
from tests.train.parts import N_VOCAB, pack, random_rows, write_tokenizer
from tests.train.runs import curve, go, stop_at, weights
from train import attention
from train.batch import make_batch
from train.errors import TrainError
from train.loss.recipe import ObjectiveRecipe
from train.loss.router import make_router_loss, routers
from train.model import prepare
from train.recompute import checkpoint_activations

SIZE = {
    "vocab_size": N_VOCAB, "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None,
    "num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.3,
}  # fmt: skip
ARCHITECTURES = ["Mixtral", "Qwen2Moe", "Qwen3Moe", "Olmoe", "GptOss", "Phimoe", "GraniteMoe"]


def experts_network(architecture="Mixtral", **changes):
    config = getattr(transformers, f"{architecture}Config")(**SIZE | changes)
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.3)
    return network


def model_of(architecture="Mixtral", **settings):
    attention.register()
    network = experts_network(architecture)
    network.set_attn_implementation(attention.NAME)
    model = prepare(network)
    model.router_loss = make_router_loss(network, ObjectiveRecipe(**settings))
    return model


def gradients(network, loss):
    found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    return {name: gradient for (name, _), gradient in zip(network.named_parameters(), found, strict=True)}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_document_alone_has_the_loss_and_gradients_of_transformers(architecture):
    ids = torch.randint(2, N_VOCAB, (20,), generator=torch.Generator().manual_seed(3))
    own = experts_network(architecture)
    if not routers(own):
        pytest.skip("this version of transformers does not know the routers of this model")
    expected = own(input_ids=ids[None], labels=ids[None], use_cache=False, output_router_logits=True)
    model = model_of(architecture, router_aux=0.3)
    loss = model.loss(make_batch(pack([[(0, ids.tolist())]]), 1))
    assert model.part_names == ("router_aux",)
    assert float(loss.parts["router_aux"]) / 19 == pytest.approx(float(expected.aux_loss.detach()), rel=1e-5)
    assert float(loss.total.detach()) / 19 == pytest.approx(float(expected.loss.detach()), rel=1e-5)
    theirs = gradients(own, expected.loss * 19)
    for name, gradient in gradients(model.network, loss.total).items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-3, atol=1e-4, msg=name)


def test_rows_have_their_own_losses_weighted_by_their_targets():
    rows = random_rows(3, seed=2)
    model = model_of(router_aux=1.0, router_z_loss=0.1)
    whole = model.loss(make_batch(pack(rows), 2))
    each = [model.loss(make_batch(pack([row]), 2)) for row in rows]
    for name in ("router_aux", "router_z_loss"):
        assert float(whole.parts[name]) == pytest.approx(sum(float(loss.parts[name]) for loss in each), rel=1e-5)
    assert float(whole.total.detach()) == pytest.approx(sum(float(loss.total.detach()) for loss in each), rel=1e-5)


def test_padding_does_not_count():
    row = random_rows(1, seed=4)[0]
    model = model_of(router_aux=1.0, router_z_loss=0.1)
    short, long = (model.loss(make_batch(pack([row], row_tokens), 2)) for row_tokens in (48, 64))
    for name, value in short.parts.items():
        assert float(long.parts[name]) == pytest.approx(float(value), rel=1e-5)


def test_the_z_loss_is_the_mean_square_of_the_log_sum():
    ids = list(range(2, 22))
    logits = experts_network()(input_ids=torch.tensor([ids]), use_cache=False, output_router_logits=True).router_logits
    expected = torch.stack([of_layer.logsumexp(-1).square().mean() for of_layer in logits]).mean()
    model = model_of(router_z_loss=0.5)
    loss = model.loss(make_batch(pack([[(0, ids)]]), 1))
    assert float(loss.parts["router_z_loss"]) / 19 == pytest.approx(float(expected.detach()), rel=1e-4)
    model.router_loss = None
    plain = model.loss(make_batch(pack([[(0, ids)]]), 1))
    assert float((loss.total - plain.total).detach()) / 19 == pytest.approx(0.5 * float(expected.detach()), rel=1e-4)


@pytest.mark.parametrize("mode", ["selective", "full"])
def test_activation_checkpointing_has_the_same_gradients(mode):
    batch = make_batch(pack(random_rows(2)), 2)
    plain, recomputing = model_of(router_aux=1.0), model_of(router_aux=1.0)
    checkpoint_activations(recomputing.network, mode)
    expected = gradients(plain.network, plain.loss(batch).total)
    recomputing.loss(batch).total.backward()
    for name, parameter in recomputing.network.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-5)


def test_the_coefficient_is_the_models_own_if_transformers_trains_it_so():
    network = experts_network()
    assert make_router_loss(network, ObjectiveRecipe()) is None
    network.config.output_router_logits = True
    found = make_router_loss(network, ObjectiveRecipe())
    assert found is not None and found._balance == 0.3
    assert make_router_loss(network, ObjectiveRecipe(router_aux=0.0)) is None


def test_models_without_this_loss_are_refused_by_name():
    from tests.train.parts import tiny_network

    assert make_router_loss(tiny_network(), ObjectiveRecipe()) is None
    with pytest.raises(TrainError, match=r"loss\.router_aux, loss\.router_z_loss: LlamaForCausalLM has no balancing loss"):
        make_router_loss(tiny_network(), ObjectiveRecipe(router_aux=0.1))


@pytest.fixture
def experts(tmp_path):
    folder = tmp_path / "experts"
    experts_network(output_router_logits=True).save_pretrained(folder)
    return write_tokenizer(folder)


def test_a_run_balances_as_its_base_was_trained_and_resumes_exactly(write_recipe, tmp_path, monkeypatch, experts):
    recipe = write_recipe(steps=4, model=str(experts))
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    records = curve(tmp_path / "run")
    assert records == curve(tmp_path / "straight")
    assert all(record["router_aux"] >= 1.9 for record in records), "2 where all experts are used equally"
    assert all(tensor.equal(weights(tmp_path / "straight")[key]) for key, tensor in weights(tmp_path / "run").items())
    go(recipe, f"out={tmp_path / 'none'}", "loss={router_aux: 0}")
    assert "router_aux" not in curve(tmp_path / "none")[0]
    assert curve(tmp_path / "none")[0]["loss"] == records[0]["loss"], "the logged loss is that of the data"
    assert curve(tmp_path / "none")[-1]["loss"] != records[-1]["loss"]
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["output_router_logits"] is True


@pytest.mark.slow
def test_two_processes_balance_like_one(write_recipe, tmp_path, experts):
    recipe = write_recipe(steps=3, model=str(experts))
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}", "micro_batch_rows=2")
    for key in ("loss", "router_aux", "grad_norm"):
        one, two = ([record[key] for record in curve(tmp_path / out)] for out in ("one", "two"))
        assert two == pytest.approx(one, rel=1e-4), key


@pytest.mark.slow
def test_a_compiled_layer_is_not_broken_at_its_router():
    counters = torch._dynamo.utils.counters
    batch = make_batch(pack(random_rows(2)), 2)
    breaks = []
    for settings in ({}, {"router_aux": 1.0}):
        torch._dynamo.reset()
        counters.clear()
        model = model_of(**settings)
        for layer in model.layers():
            layer.compile(backend="aot_eager", dynamic=False)
        loss = model.loss(batch)
        breaks.append(dict(counters["graph_break"]))
    assert breaks[1] == breaks[0]
    expected = model_of(router_aux=1.0).loss(batch)
    assert float(loss.parts["router_aux"]) == pytest.approx(float(expected.parts["router_aux"]), rel=1e-5)
