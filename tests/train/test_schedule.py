import itertools

import pytest

from train.recipe import Schedule
from train.schedule import lr_at

PEAK = 2.0


def rates(n_steps, **settings):
    schedule = Schedule(**settings)
    return [lr_at(step, n_steps, PEAK, schedule) for step in range(1, n_steps + 1)]


def test_warm_up_rises_linearly_and_reaches_the_peak_at_its_last_step():
    assert rates(8, kind="constant", warmup_steps=4) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0]


def test_wsd_stays_at_the_peak_and_decays_over_its_share_at_the_end():
    found = rates(10, kind="wsd", warmup_steps=2, decay_share=0.4, decay_shape="linear", final_share=0.2)
    assert found == pytest.approx([1, 2, 2, 2, 2, 2, 1.6, 1.2, 0.8, 0.4])


def test_one_minus_sqrt_falls_fast_at_first():
    assert rates(8, kind="wsd", warmup_steps=0, decay_share=0.5, decay_shape="sqrt") == pytest.approx(
        [2, 2, 2, 2, 1, 2 * (1 - 0.5**0.5), 2 * (1 - 0.75**0.5), 0]
    )


def test_cosine_is_half_way_down_in_the_middle():
    found = rates(12, kind="cosine", warmup_steps=2, final_share=0.1)
    assert found[6] == pytest.approx(PEAK * 0.55)
    assert found[-1] == pytest.approx(PEAK * 0.1)


def test_linear_falls_evenly_from_the_end_of_warm_up():
    assert rates(6, kind="linear", warmup_steps=2) == pytest.approx([1, 2, 1.5, 1, 0.5, 0])


@pytest.mark.parametrize("kind", ["wsd", "cosine", "linear"])
@pytest.mark.parametrize("shape", ["sqrt", "linear", "cosine"])
def test_no_schedule_jumps(kind, shape):
    found = rates(1000, kind=kind, decay_shape=shape, warmup_steps=100, decay_share=0.5, final_share=0.05)
    assert max(found) == PEAK
    assert max(abs(later - earlier) for earlier, later in itertools.pairwise(found)) <= PEAK * 0.05


def test_a_run_shorter_than_its_warm_up_only_rises():
    assert rates(2, warmup_steps=50) == [1.0, 2.0]


def test_a_run_of_one_step_has_a_rate_above_zero():
    assert rates(1) == [PEAK]
