import json

import pytest
import torch

from mix.stream import open_mix
from shards.recipe import load_recipe
from tests.train.parts import ROW_TOKENS
from tests.train.plan.recipes import recipe_of
from train.errors import TrainError
from train.plan.gpus import GIB
from train.plan.plan import hardware, plan, refuse_what_does_not_fit, sparkline, turning_points
from train.recipe import TrainRecipe

H100 = hardware("h100", 1, 0.4, 2.0, None, None)


def test_a_plan_of_a_run_says_what_the_run_then_does(write_recipe, mix):
    recipe = load_recipe(write_recipe(), TrainRecipe)
    content = plan(recipe, H100)
    assert content["rows"]["steps"] == 12 and content["rows"]["rows"] == 96
    assert content["rows"]["tokens"] == sum(content["stages"][0]["tokens"].values())
    assert content["stages"][0]["tokens"]["even"] == pytest.approx(3 * content["stages"][0]["tokens"]["odd"], abs=2 * ROW_TOKENS)
    assert content["learning_rate"]["points"]["2"] == 0.01
    assert content["time"]["cost"] == 2 * content["time"]["hours"]
    refuse_what_does_not_fit(content)


def test_the_plan_says_how_many_rows_the_last_step_has(write_recipe, mix):
    content = plan(load_recipe(write_recipe(steps=None, batch_rows=50), TrainRecipe), H100)
    n_rows = open_mix(mix).n_rows
    assert content["rows"]["rows"] == n_rows and content["rows"]["steps"] == n_rows // 50 + 1 and content["rows"]["last_step_rows"] == n_rows % 50


def test_a_plan_is_one_json_object(write_recipe):
    content = plan(load_recipe(write_recipe(), TrainRecipe), hardware("l4", 1, 0.4, None, None, None))
    assert json.loads(json.dumps(content))["hardware"]["tflops"] == 121


@pytest.mark.slow
def test_what_does_not_fit_is_refused_with_changes_that_do(billion):
    small = hardware("rtx-4090", 1, 0.4, None, None, None)
    content = plan(recipe_of(billion, micro_batch_rows=4, optimizer={"kind": "adamw8bit"}), small, 4096, 10**9)
    with pytest.raises(TrainError, match=r"does not fit: .* GiB on each of 1 x rtx-4090 with 23.6 GiB; it would fit with "):
        refuse_what_does_not_fit(content)
    remedies = content["memory"]["remedies"]
    assert remedies and all(remedy["total"] <= small.memory_bytes for remedy in remedies)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"gpu": "h999"}, "--gpu h999: not in the table; known are h100"),
        ({"n_devices": 0}, "give at least one device"),
        ({"mfu": 1.5}, "share of the peak above 0"),
    ],
)
def test_hardware_that_cannot_be_is_refused(arguments, words):
    given = {"gpu": "h100", "n_devices": 1, "mfu": 0.4, "price": None, "memory_gib": None, "tflops": None} | arguments
    with pytest.raises(TrainError, match=words):
        hardware(**given)


def test_a_gpu_that_no_table_has_can_be_given():
    assert hardware("mine", 2, 0.4, None, 100.0, 500.0).memory_bytes == 100 * GIB


def test_bad_requests_are_refused_in_one_line(billion, tmp_path):
    with pytest.raises(TrainError, match="give both to plan without a mix"):
        plan(recipe_of(billion), H100, 4096)
    with pytest.raises(TrainError, match=r"takes at most 8192 tokens .* planned rows have 16384"):
        plan(recipe_of(billion), H100, 16384, 10**9)
    with pytest.raises(TrainError, match=r"no config\.json"):
        plan(recipe_of(tmp_path), H100, 4096, 10**9)
    with pytest.raises(TrainError, match="64 rows cannot be split evenly over 3 processes"):
        plan(recipe_of(billion), hardware("h100", 3, 0.4, None, None, None), 4096, 10**9)


def test_a_curve_is_drawn_and_its_turns_are_told():
    assert sparkline([0.0, 1.0, 2.0, 4.0]) == "▁▃▅█"
    assert len(sparkline([1.0] * 1000)) == 60
    assert turning_points(lambda step: min(step, 4, 9 - step), 8, [6]) == {1: 1, 4: 4, 5: 4, 6: 3, 8: 1}


def test_no_gpu_here_gives_no_hours():
    if not torch.cuda.is_available():
        assert hardware(None, 1, 0.4, None, None, None).tflops is None
