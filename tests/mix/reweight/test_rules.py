import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.errors import MixError
from mix.reweight.rules import DoReMiRecipe, Losses, OnlineMixingRecipe, SynERecipe

HALVES = np.array([0.5, 0.5])


def measured(now, before=None, steps=None):
    return Losses(np.array([now] if steps is None else steps, float), np.array(now, float), None if before is None else np.array(before, float))


def ppl(*values):
    return [math.log(value) for value in values]


def test_syne_matches_a_calculation_by_hand():
    # Perplexities 10 → 12 and 10 → 9: δ = 1 and -0.5, f = 1.5 and 0.75.
    found = SynERecipe(strength=0.5).rule(["a", "b"])(measured(ppl(12, 9), ppl(10, 10)), HALVES, None)
    assert found.weights == pytest.approx([1.5 / 2.25, 0.75 / 2.25])
    found = SynERecipe(strength=0.5, normalise="sum", importance={"b": 2}).rule(["a", "b"])(measured(ppl(12, 9), ppl(10, 10)), HALVES, None)
    f = np.array([1 + 0.5 * 2 / 3, 1 - 0.5 * 1 / 3 * 2])
    assert found.weights == pytest.approx(f / f.sum())


def test_syne_leaves_weights_alone_without_change_or_strength():
    for rule, now in [(SynERecipe(), ppl(10, 10)), (SynERecipe(strength=0), ppl(30, 2))]:
        assert rule.rule(["a", "b"])(measured(now, ppl(10, 10)), np.array([0.2, 0.8]), None).weights == pytest.approx([0.2, 0.8])


def test_syne_compares_with_its_own_last_measurement_and_needs_one():
    rule = SynERecipe().rule(["a", "b"])
    state = rule(measured(ppl(10, 10), ppl(10, 10)), HALVES, None).state
    assert rule(measured(ppl(12, 9)), HALVES, state).weights == pytest.approx(rule(measured(ppl(12, 9), ppl(10, 10)), HALVES, None).weights)
    with pytest.raises(MixError, match="give it as --before"):
        rule(measured(ppl(12, 9)), HALVES, None)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 6), st.floats(0.1, 6), st.floats(0.01, 1)), min_size=2, max_size=8), st.floats(0, 20))
def test_syne_keeps_shares_positive_and_favours_what_got_worse(sources, strength):
    before, now, weights = map(np.array, zip(*sources, strict=True))
    weights = weights / weights.sum()
    found = SynERecipe(strength=strength).rule([str(n) for n in range(len(weights))])(measured(now, before), weights, None).weights
    assert found.sum() == pytest.approx(1) and (found > 0).all()
    rise, growth = np.exp(now) - np.exp(before), found / weights
    worst, best = rise.argmax(), rise.argmin()
    assert growth[worst] >= growth[best] * (1 - 1e-9)


def test_doremi_matches_a_calculation_by_hand():
    found = DoReMiRecipe(step=1, smoothing=0).rule(["a", "b"])(measured([3.0, 2.0], [2.0, 2.5]), HALVES, None)
    assert found.weights == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e)])
    smoothed = DoReMiRecipe(step=1, smoothing=0.1).rule(["a", "b"])(measured([3.0, 2.0], [2.0, 2.5]), HALVES, None)
    assert smoothed.weights == pytest.approx(0.9 * found.weights + 0.05)


def test_doremi_leaves_weights_alone_where_the_model_is_as_good_as_the_reference():
    weights = np.array([0.3, 0.7])
    assert DoReMiRecipe(smoothing=0).rule(["a", "b"])(measured([2.0, 3.0], [2.0, 3.0]), weights, None).weights == pytest.approx(weights)


def test_doremi_gives_no_tokens_to_a_source_that_cannot_be_learned():
    # Noise: high loss, but no higher than the reference's. The other source still has something to learn.
    weights, state = HALVES, None
    for step in range(10):
        weights, state = DoReMiRecipe().rule(["noise", "text"])(measured([8.0, 3.0 - 0.1 * step], [8.0, 2.0]), weights, state)
    assert weights[0] < 0.1


def test_doremi_averages_its_steps_as_the_paper_does():
    first = DoReMiRecipe(average=True).rule(["a", "b"])(measured([3.0, 2.0], [2.0, 2.0]), HALVES, None)
    second = DoReMiRecipe(average=True).rule(["a", "b"])(measured([2.0, 2.0], [2.0, 2.0]), first.weights, first.state)
    moved = np.array(second.state["weights"])
    assert second.weights == pytest.approx((first.weights + moved) / 2)
    with pytest.raises(MixError, match="reference model; give them as --before"):
        DoReMiRecipe().rule(["a", "b"])(measured([3.0, 2.0]), HALVES, None)


def slow_odm(steps, memory, n):
    """The bandit of arXiv 2312.02406, a line for each of its equations."""
    share, reward = [1 / n] * n, [0.0] * n
    explore = [1 / n]
    for t, losses in enumerate(steps, 1):
        explore.append(min(1 / n, math.sqrt(math.log(n) / (n * t))))
        for i in range(n):
            if not math.isnan(losses[i]):
                reward[i] = memory * reward[i] + (1 - memory) * losses[i] / share[i]
        lifted = [math.exp(explore[t - 1] * r) for r in reward]
        share = [(1 - n * explore[t]) * value / sum(lifted) + explore[t] for value in lifted]
    return share


def test_online_mixing_updated_at_each_step_is_the_bandit_of_the_paper():
    steps = np.random.default_rng(0).uniform(1, 4, (60, 3)) * [1, 2, 0.5]
    steps[5:20, 1] = np.nan
    shares, state = np.full(3, 1 / 3), None
    for losses in steps:
        shares, state = OnlineMixingRecipe(memory=0.8).rule(["a", "b", "c"])(measured([0, 0, 0], steps=[losses]), shares, state)
    assert shares == pytest.approx(slow_odm(steps.tolist(), 0.8, 3))
    assert shares[1] > shares[0] > shares[2]


def test_online_mixing_continues_from_its_state_if_the_measured_shares_stay():
    steps = np.random.default_rng(1).uniform(1, 4, (40, 3))
    rule = OnlineMixingRecipe().rule(["a", "b", "c"])
    whole = rule(measured([0, 0, 0], steps=steps), np.full(3, 1 / 3), None)
    first = rule(measured([0, 0, 0], steps=steps[:25]), np.full(3, 1 / 3), None)
    assert rule(measured([0, 0, 0], steps=steps[25:]), np.full(3, 1 / 3), first.state).weights == pytest.approx(whole.weights)
