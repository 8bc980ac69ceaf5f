import pytest

from tests.train.runs import curve, go


def test_tensorboard_gets_the_same_figures(write_recipe, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    go(write_recipe(steps=3, log={"tensorboard": True}))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([record["loss"] for record in curve(tmp_path / "run")])
    assert "loss_by_source/odd" in events.Tags()["scalars"]
