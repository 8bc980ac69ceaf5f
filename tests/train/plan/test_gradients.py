import pytest

from tests.train.plan.recipes import recipe_of
from train.plan.advice import remedies
from train.plan.gradients import with_reduction
from train.plan.memory import MemoryPlanner, micro_batches

N_PARAMETERS = 1235814400


def test_gradients_that_wait_for_the_last_micro_batch_take_four_bytes_a_parameter_on_each_device(billion):
    planner = MemoryPlanner(billion, 256, on_gpu=True)
    by_micro_batch, by_step = (
        planner.memory(recipe_of(billion, sharding={"reduce_gradients": when}, micro_batch_rows=2), 8) for when in ("micro_batch", "step")
    )
    assert by_step.parts["gradients until the last micro-batch"] == 4 * N_PARAMETERS
    assert by_step.total - by_micro_batch.total == pytest.approx(1.03 * 4 * N_PARAMETERS, rel=1e-6)
    least = planner.memory(recipe_of(billion, micro_batch_rows=2), 8)
    assert least.parts == by_micro_batch.parts


@pytest.mark.parametrize("changes, n_devices", [({"micro_batch_rows": 8}, 8), ({"micro_batch_rows": 2}, 1)])
def test_a_single_micro_batch_or_process_accumulates_nothing(billion, changes, n_devices):
    parts = MemoryPlanner(billion, 256, on_gpu=True).memory(recipe_of(billion, sharding={"reduce_gradients": "step"}, **changes), n_devices).parts
    assert "gradients until the last micro-batch" not in parts


def test_auto_reduces_each_micro_batch_where_waiting_would_sum_in_bfloat16(billion, monkeypatch):
    monkeypatch.setattr("train.plan.gradients.sums_in_float32", lambda: False)
    planner, recipe = MemoryPlanner(billion, 256, on_gpu=True), recipe_of(billion, micro_batch_rows=2)
    assert with_reduction(recipe, 8, 1 << 50, planner.memory).sharding.reduce_gradients == "micro_batch"


def test_auto_reduces_once_where_the_plan_fits_into_nine_tenths_of_a_device(billion, monkeypatch):
    monkeypatch.setattr("train.plan.gradients.sums_in_float32", lambda: True)
    planner, recipe = MemoryPlanner(billion, 256, on_gpu=True), recipe_of(billion, micro_batch_rows=2)
    total = planner.memory(recipe_of(billion, micro_batch_rows=2, sharding={"reduce_gradients": "step"}), 8).total
    assert with_reduction(recipe, 8, round(total / 0.9) + 2, planner.memory).sharding.reduce_gradients == "step"
    assert with_reduction(recipe, 8, round(total / 0.9) - 2, planner.memory).sharding.reduce_gradients == "micro_batch"
    chosen = recipe_of(billion, sharding={"reduce_gradients": "micro_batch"})
    assert with_reduction(chosen, 8, 1 << 50, planner.memory) is chosen


def test_reducing_after_each_micro_batch_is_advised_where_whole_gradients_do_not_fit(billion):
    planner, recipe = MemoryPlanner(billion, 256, on_gpu=True), recipe_of(billion, micro_batch_rows=1, sharding={"reduce_gradients": "step"})
    found = remedies(recipe, 8, planner.memory(recipe, 8).total - 1, planner.memory)
    assert ("sharding.reduce_gradients: micro_batch",) in {remedy.changes for remedy in found if remedy.devices == 8}


def test_a_model_whose_memory_cannot_be_planned_reduces_after_each_micro_batch(billion):
    recipe = recipe_of(billion, adapt={"lora": {"rank": 8}, "quantize": {}})
    assert with_reduction(recipe, 8, 1 << 50, MemoryPlanner(billion, 256, on_gpu=True).memory).sharding.reduce_gradients == "micro_batch"


@pytest.mark.parametrize("rows, devices, micro, expected", [(64, 8, 8, 1), (64, 8, 3, 3), (8, 2, 3, 2), (4, 8, 1, 1)])
def test_micro_batches_of_a_process(billion, rows, devices, micro, expected):
    assert micro_batches(recipe_of(billion, batch_rows=rows, micro_batch_rows=micro), devices) == expected
