import json
import os

import pytest
import torch

from tests.train.parts import pack, random_rows, tiny_model
from tests.train.runs import curve, go
from train.batch import make_batch
from train.devices.determinism import deterministic_algorithms, settle
from train.errors import TrainError
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights


@pytest.fixture(autouse=True)
def deterministic(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with deterministic_algorithms(True):
        yield


class WithPut(torch.autograd.Function):
    """Calls `put_`, which has no deterministic version on any device, in the forward or the backward pass."""

    @staticmethod
    def forward(ctx, x, backward):
        ctx.backward = backward
        return x.clone() if backward else put(x.clone())

    @staticmethod
    def backward(ctx, gradient):
        return put(gradient.clone()) if ctx.backward else gradient, None


def put(x):
    return x.put_(torch.tensor([0]), x.flatten()[:1].clone())


def model_with_put(backward):
    model = tiny_model()
    model.layers()[0].register_forward_hook(lambda module, inputs, output: WithPut.apply(output, backward))
    return model


def trained(model, dtype=torch.float32):
    return TrainedWeights(model.network, dtype, OptimizerRecipe())


@pytest.mark.parametrize("architecture", ["llama", "mistral", "gpt2", "gpt_neox"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_with_deterministic_operations_only_repeats_bit_for_bit_in_strict_mode(architecture, dtype):
    model = tiny_model(architecture)
    weights = trained(model, dtype)
    before = {name: tensor.clone() for name, tensor in weights.state().items()}
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert settle(model, weights, True) == "bits"
    assert torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled()
    assert all(tensor.equal(before[name]) for name, tensor in weights.state().items())
    assert all(tensor.grad is None for tensor in [*weights.masters.values(), *model.parameters()])
    model.loss(make_batch(pack(random_rows(2)), 2)).total.backward()  # nothing raises


@pytest.mark.parametrize("backward", [False, True])
def test_an_operation_without_a_deterministic_version_is_named_and_training_continues(backward, caplog):
    model = model_with_put(backward)
    assert settle(model, trained(model), True) == "spread"
    assert "deterministic: put_: no deterministic version on this device, so repeats of this run differ by rounding" in caplog.text
    model.loss(make_batch(pack(random_rows(2)), 2)).total.backward()


def test_without_the_setting_nothing_is_run_and_nothing_is_promised(monkeypatch):
    model = tiny_model()
    monkeypatch.setattr(model, "loss", None)
    assert settle(model, trained(model), False) == "spread"


def test_no_graph_is_compiled_for_it():
    graphs = []
    model = tiny_model()
    for layer in model.layers():
        layer.compile(backend=lambda module, inputs: graphs.append(module) or module)
    assert settle(model, trained(model), True) == "bits"
    assert graphs == []
    model.loss(make_batch(pack(random_rows(2)), 2)).total.backward()
    assert graphs


def test_the_mode_of_torch_is_restored():
    torch.use_deterministic_algorithms(False)
    model = tiny_model()
    with deterministic_algorithms(True):
        assert settle(model, trained(model), True) == "bits"
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_that_only_a_later_step_calls_is_an_error_that_says_what_to_do():
    with (
        pytest.raises(TrainError, match=r"deterministic: put_ has no deterministic version on this device; set deterministic: false"),
        deterministic_algorithms(True),
    ):
        torch.use_deterministic_algorithms(True)
        put(torch.zeros(3))


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="no such thing"), deterministic_algorithms(True):
        raise RuntimeError("no such thing")


def test_cublas_is_configured_before_a_device_is_opened(write_recipe, monkeypatch):
    seen = []

    def stop_here(*arguments, **settings):
        seen.append((os.environ.get("CUBLAS_WORKSPACE_CONFIG"), torch.are_deterministic_algorithms_enabled()))
        raise TrainError("stop here")

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr("train.run.join_world", stop_here)
    with pytest.raises(TrainError, match="stop here"):
        go(write_recipe())
    assert seen == [(":4096:8", True)]


@pytest.mark.parametrize("wanted, exact", [(True, "bits"), (False, "spread")])
def test_run_json_says_what_is_guaranteed(write_recipe, tmp_path, wanted, exact):
    go(write_recipe(steps=2, deterministic=wanted))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["exact"] == exact


def test_two_runs_are_equal_bit_for_bit(write_recipe, tmp_path):
    for name in ("one", "two"):
        go(write_recipe(steps=4), f"out={tmp_path / name}")
    assert curve(tmp_path / "one") == curve(tmp_path / "two")
    assert (tmp_path / "one/model/model.safetensors").read_bytes() == (tmp_path / "two/model/model.safetensors").read_bytes()
