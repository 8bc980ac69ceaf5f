from pathlib import Path

import pytest
from pydantic import ValidationError

from train.optimize.recipe import AveragingRecipe, OptimizerRecipe, PhaseRecipe, ReplacingEmaRecipe, ReptileRecipe, ScheduleRecipe, presets
from train.optimize.schedule import lr_at


def test_a_phase_has_one_length_and_only_one_takes_the_rest():
    with pytest.raises(ValidationError, match="give one of steps, share and stage"):
        PhaseRecipe(steps=3, share=0.5)
    with pytest.raises(ValidationError, match="only one may be without"):
        ScheduleRecipe(phases=[{}, {}])


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_schedule_and_an_optimizer(name):
    preset = presets()[name]
    assert set(preset) <= {"source", "optimizer", "schedule"}
    assert lr_at(500, 1000, 1.0, ScheduleRecipe(preset=name)) > 0
    if "optimizer" in preset:
        assert OptimizerRecipe(preset=name).lr == preset["optimizer"]["lr"]


def test_settings_beside_a_preset_go_before_it():
    schedule = ScheduleRecipe(preset="swallow", warmup_steps=0)
    assert (schedule.kind, schedule.warmup_steps) == ("cosine", 0)
    assert lr_at(100, 100, 3.0, schedule) == pytest.approx(0.1, rel=0.01)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ValidationError, match=r"preset: swalow is unknown; use one of .*swallow"):
        OptimizerRecipe(preset="swalow")


def test_every_preset_stands_in_the_documentation():
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "train.md").read_text()
    assert [name for name in presets() if f"`{name}`" not in text] == []


def test_reptile_and_a_replacing_average_exclude_each_other():
    with pytest.raises(ValidationError, match="give one of them"):
        AveragingRecipe(reptile=ReptileRecipe(), replacing_ema=ReplacingEmaRecipe())
