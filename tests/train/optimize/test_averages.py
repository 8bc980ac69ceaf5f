import pytest
import torch

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from train.optimize.averages import ema_decay, pull_back
from train.optimize.recipe import AveragingRecipe, EmaRecipe, OptimizerRecipe, ReplacingEmaRecipe, ReptileRecipe
from train.optimize.weights import TrainedWeights


def weights_of(network, averaging=None, **settings):
    return TrainedWeights(network, torch.float32, OptimizerRecipe(**settings), averaging)


def trained(averaging, n_steps, lr=0.01, **settings):
    network = tiny()
    weights = weights_of(network, averaging, **settings)
    take_steps(network, weights, range(n_steps), lr)
    return weights.masters


def test_a_step_back_is_reptiles_step_between_where_the_weights_were_and_are():
    """theta after k SGD steps on a quadratic, by hand."""
    start, target, lr, k, epsilon = torch.tensor([1.0, -3.0]), torch.tensor([0.5, 2.0]), 0.1, 5, 0.1
    theta = start
    for _ in range(k):
        theta = theta - lr * 2 * (theta - target)
    after = target + (start - target) * (1 - 2 * lr) ** k
    torch.testing.assert_close(pull_back(start, theta, epsilon), start + epsilon * (after - start))


def test_reptile_every_k_steps_goes_a_share_of_the_way_and_then_starts_from_there():
    network = tiny()
    weights = weights_of(network, AveragingRecipe(reptile=ReptileRecipe(epsilon=0.3, every_steps=3)))
    plain = tiny()
    unpulled = weights_of(plain)
    old = {name: tensor.detach().clone() for name, tensor in weights.masters.items()}
    for turn in range(2):
        with torch.no_grad():
            for name, tensor in unpulled.masters.items():
                tensor.copy_(weights.masters[name])
        take_steps(network, weights, range(3 * turn, 3 * turn + 3))
        take_steps(plain, unpulled, range(3 * turn, 3 * turn + 3))
        for name, tensor in weights.masters.items():
            torch.testing.assert_close(tensor.detach(), old[name] + 0.3 * (unpulled.masters[name].detach() - old[name]))
        old = {name: tensor.detach().clone() for name, tensor in weights.masters.items()}


def test_keeping_the_whole_way_changes_nothing():
    plain, kept = trained(None, 4), trained(AveragingRecipe(reptile=ReptileRecipe(epsilon=1.0, every_steps=2)), 4)
    for name, tensor in plain.items():
        torch.testing.assert_close(kept[name], tensor, rtol=1e-6, atol=1e-7)


def test_keeping_almost_nothing_freezes_the_weights():
    frozen = trained(AveragingRecipe(replacing_ema=ReplacingEmaRecipe(alpha=1 - 1e-12)), 4)
    for name, tensor in tiny().named_parameters():
        torch.testing.assert_close(frozen[name], tensor, rtol=0, atol=1e-9)


def test_with_adamw_a_replacing_average_of_every_step_is_the_learning_rate_times_one_minus_alpha():
    averaged = trained(AveragingRecipe(replacing_ema=ReplacingEmaRecipe(alpha=0.92, every_steps=1)), 12, lr=0.01, weight_decay=0.3)
    control = trained(None, 12, lr=0.01 * (1 - 0.92), weight_decay=0.3)
    for name, tensor in control.items():
        torch.testing.assert_close(averaged[name], tensor, rtol=1e-4, atol=1e-6)


def test_with_sgd_it_is_as_well():
    averaged, control = tiny().double(), tiny().double()
    for step in range(12):
        for network, lr in ((averaged, 0.5), (control, 0.5 * (1 - 0.92))):
            before = [parameter.detach().clone() for parameter in network.parameters()]
            gradients = torch.autograd.grad(loss_of(network, ids_of(step)), list(network.parameters()))
            with torch.no_grad():
                for parameter, gradient, old in zip(network.parameters(), gradients, before, strict=True):
                    parameter -= lr * gradient
                    if network is averaged:
                        parameter.copy_(pull_back(old, parameter, 1 - 0.92))
    for ours, expected in zip(averaged.parameters(), control.parameters(), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("warmup", [True, False])
def test_the_average_beside_the_run_is_the_weighted_sum_of_all_weights_and_changes_nothing(warmup):
    network = tiny()
    settings = EmaRecipe(decay=0.8, warmup=warmup)
    weights = weights_of(network, AveragingRecipe(ema=settings))
    expected = {name: tensor.detach().clone().double() for name, tensor in weights.masters.items()}
    for step in range(6):
        take_steps(network, weights, [step])
        decay = min(0.8, (1 + step) / (10 + step)) if warmup else 0.8
        assert ema_decay(step, settings) == decay
        for name, tensor in weights.masters.items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor.detach().double()
    for name, tensor in trained(None, 6).items():
        torch.testing.assert_close(weights.averages.ema[name].double(), expected[name], rtol=1e-5, atol=1e-7)
        assert weights.masters[name].equal(tensor)


def test_embeddings_are_drawn_anew_every_k_steps_but_not_at_the_end():
    averaging = AveragingRecipe(forget_embeddings={"every_steps": 2, "std": 5.0})
    network = tiny()
    weights = TrainedWeights(network, torch.float32, OptimizerRecipe(), averaging, n_steps=4)
    spreads = []
    for step in range(4):
        take_steps(network, weights, [step])
        spreads.append(float(network.embedding.weight.detach().std()))
    assert [spread > 3 for spread in spreads] == [False, True, True, True]
    assert spreads[3] == pytest.approx(spreads[1], rel=0.05) and spreads[3] != spreads[1]
    assert float(network.up.weight.detach().std()) < 1
