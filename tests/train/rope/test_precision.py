import pytest
import torch

from tests.train.rope.models import CONFIGS, long_network
from tests.train.test_architectures import network_of, ours
from train.rope.by_document import rotary_modules
from train.rope.precision import largest_error

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_network_that_computes_on_the_cpu_is_its_own_reference(name):
    assert largest_error(ours(long_network(name)).network, 40, CPU) == 0


@pytest.fixture
def reduced_products():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


def test_the_precision_setting_is_as_before(reduced_products):
    largest_error(network_of("llama"), 40, CPU)
    assert torch.get_float32_matmul_precision() == "high"


def test_a_network_without_rotary_embeddings_has_no_error():
    assert largest_error(network_of("gpt2"), 40, CPU) == 0


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_the_error_is_that_of_the_last_positions(name, reduced_products):
    """Where products are reduced on the device, angles are off in proportion to the position."""
    network = network_of(name)
    module = rotary_modules(network)[0]
    embed = type(module).forward

    class Imprecise(type(module)):
        def forward(self, x, position_ids, **layer_type):
            exact = torch.get_float32_matmul_precision() == "highest"
            return embed(self, x, position_ids if exact else position_ids * (1 + 2**-11), **layer_type)

    module.__class__ = Imprecise
    assert 0.4 < largest_error(network, 4096, CPU) <= 2
    assert largest_error(network, 8, CPU) < 0.01
