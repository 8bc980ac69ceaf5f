import math
import statistics

import pytest
import torch

from train.optimize.recipe import SkipSpikesRecipe
from train.optimize.spikes import SpikeGuard

CPU = torch.device("cpu")


class SlowRule:
    """OLMo-core's rule with lists."""

    def __init__(self, window, sigmas):
        self.window, self.sigmas, self.seen = window, sigmas, []

    def is_bad(self, now):
        self.seen.append(now)
        before = self.seen[-self.window - 1 : -1]
        if len(self.seen) < max(20, self.window // 2):
            return False
        return any(abs(now[i] - statistics.mean(old[i] for old in before)) > self.sigmas * statistics.stdev(old[i] for old in before) for i in (0, 1))


def ask(guard, loss, norm):
    return bool(guard.is_bad(torch.tensor(loss), torch.tensor(norm)))


@pytest.mark.parametrize("window", [20, 24, 64])
def test_decisions_are_those_of_the_published_rule(window):
    generator = torch.Generator().manual_seed(window)
    guard, slow = SpikeGuard(SkipSpikesRecipe(window=window, sigmas=3.0), CPU), SlowRule(window, 3.0)
    found, expected = [], []
    for step in range(300):
        spikes = torch.tensor([2.0 * (step % 59 == 58), 2.0 * (step % 41 == 40)])
        loss, norm = (2 + torch.randn(2, generator=generator) * 0.1 + spikes).tolist()
        found.append(ask(guard, loss, norm))
        expected.append(slow.is_bad(torch.tensor([loss, norm]).double().tolist()))
    assert found == expected
    assert any(found) and not all(found[window + 20 :])


def test_nothing_is_skipped_before_half_a_window():
    guard = SpikeGuard(SkipSpikesRecipe(), CPU)
    assert not any(ask(guard, 2.0 + (step % 2) * 0.1 + 100.0 * (step == 62), 1.0) for step in range(63))
    assert ask(guard, 2000.0, 1.0)


def test_equal_losses_are_no_spikes():
    guard = SpikeGuard(SkipSpikesRecipe(window=40), CPU)
    assert not any(ask(guard, 2.0, 1.0) for _ in range(50))


@pytest.mark.parametrize("settings", [None, SkipSpikesRecipe(window=40)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_always_bad_and_never_remembered(settings, bad):
    guard = SpikeGuard(settings, CPU)
    for step in range(30):
        assert not ask(guard, 2.0 + 0.1 * (step % 3), 1.0 + 0.1 * (step % 2))
    assert ask(guard, bad, 1.0) and ask(guard, 2.0, bad)
    assert not ask(guard, 2.1, 1.1)


def test_a_guard_without_settings_has_no_state():
    assert SpikeGuard(None, CPU).state() == {}
