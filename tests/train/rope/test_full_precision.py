import copy

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.train.parts import CONFIGS, pack, random_rows, tiny_model, tiny_network
from tests.train.test_architectures import MORE, network_of
from train.batch import make_batch
from train.model import prepare
from train.rope.full_precision import compute_in_full_precision

ROTARY = [name for name in [*CONFIGS, *MORE] if name not in ("gpt2", "gptj", "gpt_bigcode", "opt")]


class EmulatedTf32(TorchDispatchMode):
    """Rounds the float32 inputs of matrix products to 10 bits where torch allows TF32, as a GPU does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm", "addmm") and torch.get_float32_matmul_precision() != "highest":
            args = tuple(rounded(value) if isinstance(value, torch.Tensor) and value.dtype == torch.float32 else value for value in args)
        return func(*args, **(kwargs or {}))


def rounded(x):
    bits = x.contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


class ByMatrixProduct(nn.Module):
    """Rotary embeddings whose angles are a matrix product, as in some versions of transformers."""

    def __init__(self, size=64, base=500_000.0):
        super().__init__()
        self.inv_freq = nn.Buffer(1.0 / base ** (torch.arange(0, size, 2) / size), persistent=False)

    def forward(self, position_ids):
        angles = (self.inv_freq[None, :, None] @ position_ids[:, None, :].float()).transpose(1, 2)
        return angles.cos(), angles.sin()


@pytest.fixture(autouse=True)
def tf32():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


def largest_error(module):
    """Largest error of the cosines and sines of 4,096 positions under TF32."""
    positions = torch.arange(4096)[None]
    angles = positions[..., None].double() * module.inv_freq.double()
    with EmulatedTf32():
        found = module(positions)
    return max(float((one - exact).abs().max()) for one, exact in zip(found, (angles.cos(), angles.sin()), strict=True))


def test_angles_are_exact_where_tf32_would_be_off_by_a_radian():
    module = ByMatrixProduct()
    assert largest_error(module) > 0.8
    compute_in_full_precision(module)
    assert largest_error(module) < 1e-3
    assert torch.get_float32_matmul_precision() == "high"


def test_nothing_changes_without_tf32():
    torch.set_float32_matmul_precision("highest")
    module, positions = ByMatrixProduct(), torch.arange(4096)[None]
    before = module(positions)
    compute_in_full_precision(module)
    assert all(one.equal(other) for one, other in zip(module(positions), before, strict=True))


def test_the_setting_is_restored_after_an_error():
    module = ByMatrixProduct()
    compute_in_full_precision(module)
    with pytest.raises(TypeError):
        module(None)
    assert torch.get_float32_matmul_precision() == "high"


def test_a_copy_of_a_network_uses_its_own_frequencies():
    module = ByMatrixProduct()
    compute_in_full_precision(module)
    compute_in_full_precision(module)
    other = copy.deepcopy(module)
    other.inv_freq.zero_()
    assert float(other(torch.arange(8)[None])[0].min()) == 1.0
    assert float(module(torch.arange(8)[None])[0].min()) < 1.0


def recording(forward, seen):
    def recorded(*arguments, **options):
        seen.append(torch.get_float32_matmul_precision())
        return forward(*arguments, **options)

    return recorded


@pytest.mark.parametrize("architecture", ROTARY)
def test_the_rotary_modules_of_every_architecture_run_in_full_precision_and_the_rest_in_tf32(architecture, monkeypatch):
    network = network_of(architecture)
    inside, outside = [], []
    for kind in {type(module) for module in network.modules()}:
        seen = inside if "Rotary" in kind.__name__ else outside if kind is nn.Linear else None
        if seen is not None:
            monkeypatch.setattr(kind, "forward", recording(kind.forward, seen))
    prepare(network).hidden_states(make_batch(pack(random_rows(1)), 2))
    assert inside and set(inside) == {"highest"}
    assert set(outside) == {"high"}


def test_a_compiled_network_gives_the_same():
    batch = make_batch(pack(random_rows(2)), 2)
    expected = tiny_model().hidden_states(batch)
    model = tiny_model()
    model.network.model.compile(backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(model.hidden_states(batch), expected)
    assert torch.get_float32_matmul_precision() == "high"


def test_weights_and_state_of_a_network_stay_the_same():
    network = tiny_network()
    names = list(network.state_dict())
    compute_in_full_precision(network)
    assert list(network.state_dict()) == names
