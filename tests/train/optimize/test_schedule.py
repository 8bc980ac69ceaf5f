import itertools
import math

import pytest

from train.errors import TrainError
from train.optimize.recipe import ScheduleRecipe
from train.optimize.schedule import lr_at

PEAK = 2.0


def rates(n_steps, stages=(), **settings):
    schedule = ScheduleRecipe(**settings)
    return [lr_at(step, n_steps, PEAK, schedule, stages) for step in range(1, n_steps + 1)]


def phases(n_steps, *phases, stages=()):
    return rates(n_steps, stages, phases=phases)


def test_warm_up_rises_linearly_and_reaches_the_peak_at_its_last_step():
    assert rates(8, kind="constant", warmup_steps=4) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0]


def test_warm_up_can_begin_above_zero():
    assert rates(4, kind="constant", warmup_steps=4, start_share=0.2) == pytest.approx([0.8, 1.2, 1.6, 2.0])


def test_wsd_stays_at_the_peak_and_decays_over_its_share_at_the_end():
    found = rates(10, kind="wsd", warmup_steps=2, decay_share=0.4, decay_shape="linear", final_share=0.2)
    assert found == pytest.approx([1, 2, 2, 2, 2, 2, 2, 1.6, 1.2, 0.8])


def test_one_minus_sqrt_falls_fast_at_first():
    assert rates(8, kind="wsd", warmup_steps=0, decay_share=0.5, decay_shape="sqrt") == pytest.approx(
        [2, 2, 2, 2, 2, 1, 2 * (1 - 0.5**0.5), 2 * (1 - 0.75**0.5)]
    )


def test_cosine_is_half_way_down_in_the_middle():
    found = rates(12, kind="cosine", warmup_steps=2, final_share=0.1)
    assert found[7] == pytest.approx(PEAK * 0.55)
    assert found[-1] == pytest.approx(PEAK * (0.1 + 0.45 * (1 + math.cos(0.9 * math.pi))))


def test_linear_falls_evenly_from_the_end_of_warm_up():
    assert rates(6, kind="linear", warmup_steps=2) == pytest.approx([1, 2, 2, 1.5, 1, 0.5])


def test_inverse_sqrt_is_the_peak_times_the_root_of_warm_up_over_step():
    found = rates(100, kind="inverse_sqrt", warmup_steps=4)
    assert found[4:] == pytest.approx([PEAK * math.sqrt(4 / step) for step in range(5, 101)])


def test_infinite_cools_down_to_a_constant_and_ends_with_an_exponential():
    found = rates(100, kind="infinite", warmup_steps=10, cooldown_share=0.2, decay_share=0.3, constant_share=0.25, final_share=0.0025)
    constant = PEAK * 0.25
    assert found[9] == PEAK
    assert found[20] == pytest.approx((PEAK + constant) / 2)
    assert found[30:71] == pytest.approx([constant] * 41)
    assert found[70:] == pytest.approx([constant * 0.01 ** (n / 30) for n in range(30)])


def test_infinite_ends_at_the_published_rate_if_none_is_given():
    found = [lr_at(step, 1000, 3e-4, ScheduleRecipe(kind="infinite")) for step in (999, 1000)]
    assert found[1] ** 2 / found[0] == pytest.approx(1e-8)  # the exponential's next value


@pytest.mark.parametrize("kind", ["wsd", "cosine", "linear", "infinite", "constant", "inverse_sqrt"])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 10, 57])
def test_no_step_has_a_rate_of_zero_and_a_decay_ends_one_step_short_of_its_end(kind, n_steps):
    found = rates(n_steps, kind=kind)
    assert min(found) > 0
    if kind in ("linear", "cosine"):
        done = (n_steps - 1 - round(0.01 * n_steps)) / (n_steps - round(0.01 * n_steps))
        assert found[-1] == pytest.approx(PEAK * ((1 - done) if kind == "linear" else (1 + math.cos(math.pi * done)) / 2))


@pytest.mark.parametrize("kind", ["wsd", "cosine", "linear", "inverse_sqrt", "infinite"])
@pytest.mark.parametrize("shape", ["sqrt", "linear", "cosine"])
def test_no_schedule_jumps(kind, shape):
    found = rates(1000, kind=kind, decay_shape=shape, warmup_steps=100, decay_share=0.5, final_share=0.05)
    assert max(found) == PEAK
    assert max(abs(later - earlier) for earlier, later in itertools.pairwise(found)) <= PEAK * 0.05


def test_a_run_shorter_than_its_warm_up_only_rises():
    assert rates(2, warmup_steps=50) == [1.0, 2.0]


def test_a_run_of_one_step_has_a_rate_above_zero():
    assert rates(1) == [PEAK]


def test_a_phase_begins_where_the_one_before_ended():
    found = phases(8, {"steps": 2, "to": 1.0}, {"steps": 2}, {"steps": 2, "to": 0.5}, {"to": 0.25})
    assert found == pytest.approx([1, 2, 2, 2, 2, 1.5, 1, 0.75])


def test_a_phase_can_warm_up_again_and_decay_again():
    found = phases(6, {"steps": 2, "begin": 1.0, "to": 0.0}, {"steps": 2, "to": 0.5}, {"to": 0.05, "shape": "exponential"})
    assert found == pytest.approx([2, 1, 0.5, 1, 1, 1 * 0.1**0.5])


def test_a_first_phase_without_an_end_stays_at_the_peak():
    assert phases(3, {}) == [PEAK] * 3


def test_shares_of_phases_add_up_to_the_run_whatever_its_length():
    for n_steps in range(3, 60):
        assert len(phases(n_steps, {"share": 1 / 3, "to": 1}, {"share": 1 / 3}, {"share": 1 / 3, "to": 0})) == n_steps


def test_phases_follow_the_stages_of_the_mix():
    found = phases(10, {"stage": "general"}, {"stage": "anneal", "to": 0.0}, stages=[("general", 6), ("anneal", 10)])
    assert found == pytest.approx([2] * 7 + [1.5, 1, 0.5])


def test_a_stage_may_begin_with_a_warm_up():
    found = phases(6, {"steps": 2, "to": 1}, {"stage": "general"}, {"to": 0}, stages=[("general", 4), ("anneal", 6)])
    assert found == pytest.approx([1, 2, 2, 2, 2, 1])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ([{"stage": "nowhere"}], "the mix has no stage nowhere; it has general"),
        ([{"steps": 3}], "end at steps 3, the run has 8"),
        ([{"steps": 9}, {}], "end at steps 9, 8, the run has 8"),
        ([{"to": 0.0, "shape": "sqrt"}], "the learning rate is 0 in every step"),
        ([{"steps": 2, "to": 0.0}, {"to": 0.5, "shape": "exponential"}], r"phases.1: exponential from 0 to 0.5 of the peak; it needs rates above 0"),
    ],
)
def test_phases_that_do_not_fill_the_run_are_refused(wrong, message):
    with pytest.raises(TrainError, match=message):
        phases(8, *wrong, stages=[("general", 8)])
