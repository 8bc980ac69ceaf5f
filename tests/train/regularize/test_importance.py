import pytest
import torch

from shards.held_out import DomainRecipe
from tests.train.parts import tiny_model, write_tokenizer
from tests.train.watch.test_validate import sentence, write_documents
from train.errors import TrainError
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.regularize.importance import estimate, new_importance, sample_batches, sample_hash

TEXTS = [sentence(1, 12), sentence(5, 40), sentence(9, 1), sentence(2, 60)]


@pytest.fixture
def sample(tmp_path):
    return DomainRecipe(documents=write_documents(tmp_path / "old", TEXTS))


@pytest.fixture
def batches(sample, tmp_path):
    return sample_batches(sample, write_tokenizer(tmp_path / "tokenizer"), 48)


def estimated(batches, architecture="llama", dtype=torch.float32, **settings):
    model = tiny_model(architecture)
    weights = TrainedWeights(model.network, dtype, OptimizerRecipe(**settings))
    tensors = new_importance(weights, ("fisher", "units"))
    estimate(model, weights, batches, tensors)
    assert all(master.grad is None for master in weights.masters.values())
    return weights, tensors


def slow_gradients(architecture="llama"):
    """Gradient of each piece of a document by transformers' own forward pass and loss."""
    model = tiny_model(architecture)
    for text in TEXTS:
        ids = [int(word[1:]) for word in text.split()]
        for piece in (ids[:48], ids[47:]):
            if len(piece) > 1:
                tensor = torch.tensor([piece])
                nats = model.network(input_ids=tensor, labels=tensor, use_cache=False).loss * (len(piece) - 1)
                yield dict(zip(dict(model.network.named_parameters()), torch.autograd.grad(nats, list(model.network.parameters())), strict=True))


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_importances_are_those_of_their_definition(batches, architecture):
    weights, found = estimated(batches, architecture)
    each = list(slow_gradients(architecture))
    assert len(each) == len(batches) == 4, "a document of one token has no target; one longer than a row is two"
    squares = {name: sum(gradients[name].square() for gradients in each) / len(each) for name in weights.masters}
    mean = sum(float(tensor.sum()) for tensor in squares.values()) / sum(tensor.numel() for tensor in squares.values())
    for name, master in weights.masters.items():
        fisher, units = found[f"fisher.{name}"], found[f"units.{name}"]
        torch.testing.assert_close(fisher.float(), squares[name] / mean, rtol=5e-3, atol=1e-4)
        factors = [(master.detach() * gradients[name]) for gradients in each]
        of_units = sum((product.sum(-1) if product.ndim > 1 else product).abs() for product in factors) / len(each)
        torch.testing.assert_close(units.flatten(), of_units.flatten(), rtol=1e-3, atol=1e-4)
        assert units.shape == (master.shape if master.ndim == 1 else (*master.shape[:-1], 1))


def test_the_mean_fisher_information_is_one(batches):
    _, found = estimated(batches)
    fisher = torch.cat([tensor.flatten().float() for name, tensor in found.items() if name.startswith("fisher.")])
    assert float(fisher.mean()) == pytest.approx(1, rel=1e-3)
    assert fisher.dtype == torch.float32 and found["fisher.model.norm.weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("weights", ["masters", "kahan"])
def test_bfloat16_gradients_give_nearly_the_same(batches, weights):
    _, exact = estimated(batches)
    _, found = estimated(batches, dtype=torch.bfloat16, weights=weights)
    for name, tensor in found.items():
        if tensor.ndim > 1:
            pair = torch.stack([tensor.float().flatten(), exact[name].float().flatten()])
            assert float(torch.corrcoef(pair)[0, 1]) > 0.97, name


def test_frozen_weights_have_no_importance(batches):
    model = tiny_model()
    model.network.model.norm.weight.requires_grad_(False)
    weights = TrainedWeights(model.network, torch.float32, OptimizerRecipe())
    assert not [name for name in new_importance(weights, ("fisher", "units")) if "model.norm" in name]


def test_a_sample_is_known_by_its_texts(tmp_path, sample):
    same = DomainRecipe(documents=write_documents(tmp_path / "copy", TEXTS))
    other = DomainRecipe(documents=write_documents(tmp_path / "other", TEXTS[:3]))
    assert sample_hash(same) == sample_hash(sample) != sample_hash(other)


def test_a_sample_without_targets_is_refused(tmp_path):
    empty = DomainRecipe(documents=write_documents(tmp_path / "empty", [""]))
    with pytest.raises(TrainError, match=r"regularize\.sample: .*/empty holds no documents with text"):
        sample_hash(empty)
    short = DomainRecipe(documents=write_documents(tmp_path / "short", ["w4"]))
    with pytest.raises(TrainError, match="holds no document of two tokens"):
        sample_batches(short, write_tokenizer(tmp_path / "tokenizer"), 48)
