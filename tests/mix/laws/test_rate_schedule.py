"""Tests of mix/laws/rate_schedule.py: the rates are those that the trainer uses."""

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.areas import of_rates, of_schedule
from mix.laws.rate_schedule import RateSchedule
from train.optimize.recipe import ScheduleRecipe
from train.optimize.schedule import lr_at

SETTINGS = [
    {},
    {"kind": "constant", "warmup_steps": 0},
    {"kind": "constant", "warmup_steps": 7, "start_share": 0.1},
    {"kind": "cosine", "final_share": 0.1},
    {"kind": "linear", "warmup_share": 0.3},
    {"kind": "wsd", "decay_shape": "linear", "decay_share": 0.5},
    {"kind": "wsd", "decay_shape": "cosine", "final_share": 0.05},
    {"kind": "wsd", "decay_share": 1.0, "warmup_steps": 5},
    {"kind": "wsd", "warmup_steps": 1000},
]


@pytest.mark.parametrize("n_steps", [1, 2, 53, 200])
@pytest.mark.parametrize("settings", SETTINGS)
def test_rates_are_those_of_the_trainer(settings, n_steps):
    recipe = ScheduleRecipe(**settings)
    expected = [lr_at(step, n_steps, 3e-4, recipe) for step in range(1, n_steps + 1)]
    np.testing.assert_allclose(RateSchedule(**settings).rates(3e-4, n_steps), expected, rtol=1e-12, atol=1e-20)


def test_defaults_are_those_of_the_trainer():
    ours, theirs = RateSchedule(), ScheduleRecipe()
    assert [getattr(ours, name) for name in ("kind", "warmup_steps", "warmup_share", "start_share", "decay_share", "decay_shape")] == [
        getattr(theirs, name) for name in ("kind", "warmup_steps", "warmup_share", "start_share", "decay_share", "decay_shape")
    ]
    assert ours.final_share == (theirs.final_share or 0)


def test_areas_of_a_schedule_are_those_of_its_rates():
    schedule = RateSchedule("cosine", warmup_steps=10)
    for ours, expected in zip(of_schedule(schedule, 2e-4, 100), of_rates(schedule.rates(2e-4, 100)), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_no_steps_and_no_peak_are_refused():
    with pytest.raises(MixError, match="0 steps"):
        RateSchedule().rates(1e-4, 0)
    with pytest.raises(MixError, match="learning rate 0;"):
        RateSchedule().rates(0.0, 10)
