import pytest

from tests.train.plan.recipes import recipe_of
from train.plan.advice import Remedy, most_rows, remedies, summary
from train.plan.gpus import GIB
from train.plan.memory import MemoryPlanner


def test_the_largest_micro_batch_fits_and_one_row_more_does_not(billion):
    planner, recipe, available = MemoryPlanner(billion, 2048, on_gpu=True), recipe_of(billion), 40 * GIB
    rows = most_rows(recipe, 1, available, planner.memory)
    totals = [planner.memory(recipe.model_copy(update={"micro_batch_rows": n}), 1).total for n in (rows, rows + 1)]
    assert totals[0] <= available < totals[1]


@pytest.mark.slow
def test_each_set_of_changes_fits_when_it_is_planned(billion):
    planner, recipe, available = MemoryPlanner(billion, 2048, on_gpu=True), recipe_of(billion), 14 * GIB
    found = remedies(recipe, 1, available, planner.memory)
    assert len({remedy.devices for remedy in found}) > 1
    for remedy in found:
        total = planner.memory(changed(recipe, remedy.changes), remedy.devices).total
        assert total == pytest.approx(remedy.total, rel=0.01) and remedy.total <= available


def test_changes_that_keep_the_result_come_first_and_compromises_save_something(billion):
    planner, recipe = MemoryPlanner(billion, 1024, on_gpu=True), recipe_of(billion)
    found = remedies(recipe, 1, 16 * GIB, planner.memory)
    exact = [remedy for remedy in found if not any(change.startswith(("optimizer", "adapt", "precision")) for change in remedy.changes)]
    assert found[: len(exact)] == exact != found
    assert min(remedy.devices for remedy in exact) > found[-1].devices
    assert all(remedy.devices in (1, 2, 4, 8, 16, 32, 64) for remedy in found)


def test_a_batch_is_split_evenly(billion):
    planner = MemoryPlanner(billion, 1024, on_gpu=True)
    found = remedies(recipe_of(billion, batch_rows=6), 1, 16 * GIB, planner.memory)
    assert {remedy.devices for remedy in found} <= {1, 2}


def test_the_message_names_sets_and_says_that_nothing_fits():
    found = [Remedy(("micro_batch_rows: 1", "activation_checkpointing: full"), 4, 3 * GIB), Remedy(("adapt: {lora: {rank: 16}}",), 1, 2 * GIB)]
    assert summary(found, 1) == (
        "; it would fit with micro_batch_rows: 1, activation_checkpointing: full and 4 such devices (3.0 GiB), or adapt: {lora: {rank: 16}} (2.0 GiB)"
    )
    assert "nothing fits" in summary([], 1)


def changed(recipe, changes):
    """The recipe with changes in its own words."""
    from shards.recipe import build_recipe
    from train.recipe import TrainRecipe

    settings = [change.replace(": ", "=", 1) for change in changes]
    return build_recipe(recipe.model_dump() | {"model": recipe.model, "mix": recipe.mix, **excluded(recipe)}, TrainRecipe, "plan", settings)


def excluded(recipe):
    return {name: getattr(recipe, name) for name in ("micro_batch_rows", "activation_checkpointing")}
