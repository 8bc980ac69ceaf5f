import json
import os
import time

import pytest

from tests.records import edit
from tests.train.runs import curve, go
from train.errors import TrainError


def test_a_finished_run_has_nothing_to_do(write_recipe, straight, tmp_path):
    before = (straight / "model" / "model.safetensors").stat().st_mtime_ns
    outcome = go(write_recipe(), f"out={straight}")
    assert outcome.headline == "Nothing to do, this run is finished"
    assert (straight / "model" / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_a_finished_run_whose_model_is_not_whole_writes_it_again(write_recipe, straight, caplog, harm):
    path = straight / "model" / "model.safetensors"
    whole, before = path.read_bytes(), curve(straight)
    path.unlink()
    if harm == "cut":
        path.write_bytes(whole[:-9])
        os.utime(path, ns=(time.time_ns() + 10**9,) * 2)
    outcome = go(write_recipe(), f"out={straight}")
    assert outcome.headline == "Trained" and "model.safetensors" in caplog.text
    assert path.read_bytes() == whole and curve(straight) == before


def test_a_damaged_record_is_refused_and_named(write_recipe, straight):
    edit(straight / "run.json", lambda record: record.update(plan_hash="x"))
    with pytest.raises(TrainError, match=r"run\.json: plan_hash: .* \(got 'x'\)"):
        go(write_recipe(), f"out={straight}")
    (straight / "run.json").write_text("{}")
    with pytest.raises(TrainError, match=r"run\.json: has no checksum"):
        go(write_recipe(), f"out={straight}")


def test_where_and_how_fast_do_not_make_another_run(write_recipe, straight):
    outcome = go(write_recipe(micro_batch_rows=2, checkpoint={"every_steps": 3}), f"out={straight}")
    assert outcome.headline == "Nothing to do, this run is finished"


@pytest.mark.parametrize("change", [{"seed": 5}, {"optimizer": {"lr": 0.02}}, {"steps": 11}])
def test_a_changed_recipe_does_not_overwrite_the_run(write_recipe, straight, change):
    with pytest.raises(TrainError, match="holds a run with another recipe; give another --out"):
        go(write_recipe(**change), f"out={straight}")


def test_the_record_says_what_the_run_was(straight, write_recipe):
    record = json.loads((straight / "run.json").read_text())
    assert record["finished"] and record["totals"]["steps"] == 12
    assert record["sources"] == ["even", "odd"]
    assert all(len(record[key]) == 32 for key in ("recipe_hash", "model_hash", "plan_hash"))
