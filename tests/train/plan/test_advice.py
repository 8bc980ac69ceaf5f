from tests.train.plan.recipes import recipe_of
from train.plan.advice import changes_that_help, most_rows, summary
from train.plan.gpus import GIB
from train.plan.memory import MemoryPlanner


def test_the_largest_micro_batch_fits_and_one_row_more_does_not(billion):
    planner, recipe, available = MemoryPlanner(billion, 2048, on_gpu=True), recipe_of(billion), 40 * GIB
    rows = most_rows(recipe, 1, available, planner.memory)
    totals = [planner.memory(recipe.model_copy(update={"micro_batch_rows": n})).total for n in (rows, rows + 1)]
    assert totals[0] <= available < totals[1]


def test_nothing_helps_is_said_too(billion):
    planner, recipe = MemoryPlanner(billion, 1024, on_gpu=True), recipe_of(billion, activation_checkpointing="full", micro_batch_rows=1)
    changes = changes_that_help(recipe, 1, GIB, planner.memory)
    assert "no single change is enough" in summary(changes, GIB)
