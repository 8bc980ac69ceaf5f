import pytest

from eval.report.run_facts import cost_rows, setting_rows
from tests.eval import synthetic


def test_settings_and_hardware_come_from_the_record_and_unknown_ones_are_left_out():
    rows = setting_rows({"a": synthetic.run_record(), "b": {}})
    found = {row["name"]: row["values"] for row in rows}
    assert found["peak learning rate"] == {"a": "0.001", "b": ""} and found["batch"]["a"] == "8 rows of 512 tokens"
    assert found["schedule"]["a"] == "wsd, warm-up 8 steps, decay over the last 30%"
    assert found["optimizer"]["a"] == "adamw, betas 0.9 and 0.95, weight decay 0.1, clip 1"
    assert found["hardware"] == {"a": "2 × NVIDIA H200", "b": ""} and found["precision"]["a"] == "bf16"
    assert setting_rows({"b": {}}) == []


def test_cost_counts_targets_seconds_and_gpu_hours_by_source():
    steps = synthetic.metrics({"domain": 0.75, "general": 0.25}, {"domain": 2.0, "general": 3.0}, n_steps=10)
    (row,) = cost_rows({"a": synthetic.run_record()}, {"a": steps})
    assert row["seconds"] == pytest.approx(steps[-1]["tokens"] / 5100)
    assert row["gpu_hours"] == row["seconds"] * 2 / 3600 and row["tokens"] == steps[-1]["tokens"]
    assert sum(source["seconds"] for source in row["sources"]) == pytest.approx(row["seconds"])
    assert [source["targets"] for source in row["sources"]] == [sum(step["tokens_by_source"][name] for step in steps) for name in ("domain", "general")]


def test_cost_is_unknown_without_speeds_and_on_cpus_there_are_no_gpu_hours():
    steps = synthetic.metrics({"domain": 1.0}, {"domain": 2.0}, n_steps=3)
    assert cost_rows({"a": synthetic.run_record() | {"device": "cpu"}}, {"a": steps})[0]["gpu_hours"] is None
    del steps[1]["tokens_per_second"]
    assert cost_rows({}, {"a": steps})[0]["seconds"] is None
