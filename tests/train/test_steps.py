import hashlib
import json

import pytest

from mix.stream import open_mix
from shards.recipe import load_recipe
from tests.train.parts import write_mix
from tests.train.runs import curve, go
from train.errors import TrainError
from train.recipe import TrainRecipe
from train.steps import StageRows, Steps, steps_of


def steps(stages, n_rows, asked=None):
    """Steps of stages given as (first row, row tokens, rows of a step)."""
    return Steps([StageRows(f"s{number}", *stage) for number, stage in enumerate(stages)], n_rows, asked)


@pytest.mark.parametrize(
    ("stages", "n_rows", "expected"),
    [
        ([(0, 64, 4)], 8, [(0, 4), (4, 8)]),
        ([(0, 64, 4)], 10, [(0, 4), (4, 8), (8, 10)]),
        ([(0, 64, 8)], 5, [(0, 5)]),
        ([(0, 64, 4), (6, 64, 4)], 10, [(0, 4), (4, 8), (8, 10)]),  # rows of one length: a step may span two stages
        ([(0, 64, 4), (6, 128, 4)], 10, [(0, 4), (4, 6), (6, 10)]),
        ([(0, 64, 4), (6, 64, 2)], 10, [(0, 4), (4, 6), (6, 8), (8, 10)]),
        ([(0, 64, 4), (5, 32, 4), (5, 128, 2)], 8, [(0, 4), (4, 5), (5, 7), (7, 8)]),  # a stage without rows
        ([(0, 64, 4), (6, 128, 4), (9, 64, 4)], 14, [(0, 4), (4, 6), (6, 9), (9, 13), (13, 14)]),
    ],
)
def test_steps_take_every_row_once_and_never_rows_of_two_lengths(stages, n_rows, expected):
    run = steps(stages, n_rows)
    assert [(run.rows(step).start, run.rows(step).stop) for step in range(run.n_steps)] == expected
    assert run.n_rows == n_rows
    assert [run.rows_before(step) for step in range(run.n_steps + 1)] == [0, *(stop for _, stop in expected)]
    for step, (first, stop) in enumerate(expected):
        assert [run.step_of(row) for row in range(first, stop)] == [step] * (stop - first)
        lengths = {[stage for stage in stages if stage[0] <= row][-1][1] for row in range(first, stop)}
        assert lengths == {run.section(step).row_tokens}


def test_a_stage_ends_with_the_step_that_takes_its_last_row():
    assert steps([(0, 64, 4), (6, 64, 4)], 10).stage_ends() == [("s0", 2), ("s1", 3)]
    assert steps([(0, 64, 4), (6, 128, 4)], 10).stage_ends() == [("s0", 2), ("s1", 3)]
    assert steps([(0, 64, 4), (8, 128, 1)], 10).stage_ends() == [("s0", 2), ("s1", 4)]
    assert steps([(0, 64, 4), (0, 64, 4)], 3).stage_ends() == [("s0", 0), ("s1", 1)]


def test_fewer_steps_may_be_asked_for_and_more_are_refused_with_the_figures():
    assert (steps([(0, 64, 4)], 10, 2).n_steps, steps([(0, 64, 4)], 10, 2).n_rows) == (2, 8)
    with pytest.raises(TrainError, match=r"4 steps need more rows: the mix has 10 rows, 3 steps of 4 rows; lower steps or batch_rows"):
        steps([(0, 64, 4)], 10, 4)
    with pytest.raises(TrainError, match="the mix has no rows"):
        steps([(0, 64, 4)], 0)


def test_a_mix_of_five_rows_and_a_batch_of_eight_make_one_step_of_five(write_recipe, tmp_path, base):
    small = write_mix(tmp_path / "small", hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest(), n_tokens=200)
    mix = open_mix(small)
    assert mix.n_rows == 5
    recipe = write_recipe(mix=str(small), steps=None)
    assert steps_of(mix, load_recipe(recipe, TrainRecipe)).n_steps == 1
    go(recipe)
    (record,) = curve(tmp_path / "run")
    assert record["tokens"] == mix.n_tokens
    assert sum(record["tokens_by_source"].values()) == int(mix.rows(0, 5).seg_lengths.sum()) - len(mix.rows(0, 5).seg_lengths)


def test_all_rows_of_a_mix_are_trained_on(write_recipe, tmp_path, mix):
    opened = open_mix(mix)
    assert opened.n_rows % 50
    go(write_recipe(steps=None, batch_rows=50, checkpoint={"every_steps": 1, "keep_last": 99}))
    records = curve(tmp_path / "run")
    assert len(records) == opened.n_rows // 50 + 1 and records[-1]["tokens"] == opened.n_tokens
    facts = [json.loads(path.read_text()) for path in sorted((tmp_path / "run" / "checkpoints").glob("*/facts.json"))]
    assert [fact["next_row"] for fact in facts] == [50 * step for step in range(1, len(records))]
