import json
import sys
from importlib.util import find_spec

import pytest
import torch

from shards.errors import RecipeError
from tests.train.parts import tiny_network
from tests.train.runs import curve, go, stop_at, weights
from tests.train.test_architectures import network_of
from train import fp8
from train.errors import TrainError

needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
CPU = torch.device("cpu")


def converted(network):
    return {name for name, module in network.named_modules() if type(module).__name__ == "Float8Linear"}


@needs_torchao
def test_linear_layers_of_the_decoder_layers_are_converted_and_keep_their_parameters():
    network = tiny_network()
    before = dict(network.named_parameters())
    fp8.convert(network, "rowwise", CPU)
    assert {name.rpartition(".")[2] for name in converted(network)} == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert all(parameter is before[name] for name, parameter in network.named_parameters()) and len(before) == len(dict(network.named_parameters()))


@needs_torchao
def test_routers_adapters_the_head_and_uneven_matrices_are_not_converted(write_recipe):
    network = network_of("qwen3_moe")
    fp8.convert(network, "tensorwise", CPU)
    assert converted(network) and not any(name.endswith(("gate", "router", "lm_head")) for name in converted(network))
    linear = {"q": torch.nn.Linear(32, 32), "uneven": torch.nn.Linear(32, 24), "lora_A": torch.nn.Linear(32, 16), "gate": torch.nn.Linear(32, 16)}
    layer = torch.nn.Module()
    layer.proj = torch.nn.ModuleDict(linear)
    network = torch.nn.Module()
    network.layers = torch.nn.ModuleList([layer])
    fp8.convert(network, "rowwise", CPU)
    assert converted(network) == {"layers.0.proj.q"}


@needs_torchao
@pytest.mark.parametrize("scaling", ["tensorwise", "rowwise"])
def test_nothing_changes_until_begin_and_then_products_are_rounded_to_8_bits(scaling):
    torch.manual_seed(0)
    network = tiny_network().to(torch.bfloat16)
    ids = torch.randint(0, 90, (2, 21))
    exact = network(input_ids=ids).logits
    fp8.convert(network, scaling, CPU)
    assert network(input_ids=ids).logits.equal(exact)
    fp8.begin(network)
    logits = network(input_ids=ids).logits
    assert not logits.equal(exact) and (logits - exact).norm() < 0.3 * exact.norm()
    logits.float().square().mean().backward()
    gradients = {name: parameter.grad.dtype for name, parameter in network.named_parameters()}
    assert set(gradients.values()) == {torch.bfloat16} and len(gradients) == len(dict(network.named_parameters()))


@needs_torchao
def test_a_run_trains_saves_and_resumes_as_in_bfloat16(write_recipe, tmp_path, monkeypatch):
    recipe = write_recipe(precision="bf16")
    go(recipe, f"out={tmp_path / 'bf16'}")
    go(recipe, f"out={tmp_path / 'straight'}", "fp8=rowwise")
    stop_at(monkeypatch, 7)
    go(recipe, "fp8=rowwise")
    monkeypatch.undo()
    go(recipe, "fp8=rowwise")
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    losses = [[record["loss"] for record in curve(tmp_path / name)] for name in ("straight", "bf16")]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.1)
    one, other = weights(tmp_path / "straight"), weights(tmp_path / "bf16")
    assert [(name, tensor.dtype, tensor.shape) for name, tensor in one.items()] == [(name, tensor.dtype, tensor.shape) for name, tensor in other.items()]
    assert (tmp_path / "straight/model/config.json").read_bytes() == (tmp_path / "bf16/model/config.json").read_bytes()


@needs_torchao
@pytest.mark.parametrize(
    "changes",
    [{"optimizer": {"kind": "muon", "lr": 0.01}}, {"adapt": {"lora": {"rank": 16}}}, {"activation_checkpointing": "selective"}, {"sharding": {"always": True}}],
)
def test_float8_goes_with_muon_adapters_checkpointing_and_shards(write_recipe, tmp_path, changes):
    recipe = write_recipe(precision="bf16", steps=3, checkpoint={"every_steps": None}, **changes)
    go(recipe, f"out={tmp_path / 'bf16'}")
    go(recipe, "fp8=tensorwise")
    found, expected = ([record["loss"] for record in curve(tmp_path / name)] for name in ("run", "bf16"))
    assert found != expected and found == pytest.approx(expected, rel=0.1)


@needs_torchao
def test_the_run_record_holds_the_setting(write_recipe, tmp_path):
    go(write_recipe(precision="bf16", steps=2, fp8="rowwise"))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]["fp8"] == "rowwise"


@needs_torchao
def test_converted_layers_compile_to_whole_graphs(monkeypatch):
    torch._dynamo.reset()
    network = tiny_network().to(torch.bfloat16)
    fp8.convert(network, "rowwise", CPU)
    fp8.begin(network)
    layer = network.model.layers[0].mlp
    x = torch.randn(1, 32, 32, dtype=torch.bfloat16)
    expected = layer(x)
    torch.testing.assert_close(torch.compile(layer, backend="aot_eager", fullgraph=True, dynamic=False)(x), expected, rtol=2e-2, atol=2e-2)


def test_float8_needs_bfloat16_torchao_and_a_gpu_that_has_it(write_recipe, monkeypatch):
    with pytest.raises(RecipeError, match=r"fp8: .*set precision: bf16"):
        go(write_recipe(fp8="rowwise"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A100")
    with pytest.raises(TrainError, match=r"A100 does not multiply 8-bit floats"):
        fp8.convert(tiny_network(), "rowwise", torch.device("cuda"))
    monkeypatch.setitem(sys.modules, "torchao.float8", None)
    with pytest.raises(TrainError, match=r"install cptkit\[fp8\]"):
        fp8.convert(tiny_network(), "rowwise", CPU)


@needs_torchao
def test_a_model_without_linear_layers_is_refused():
    with pytest.raises(TrainError, match="no linear layers of multiples of 16"):
        fp8.convert(tiny_network("gpt2"), "rowwise", CPU)
