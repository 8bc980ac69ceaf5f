import hashlib
import json

import pytest
import torch

from mix.stream import open_mix
from shards.recipe import load_recipe
from tests.train.parts import tiny_network, write_mix
from tests.train.runs import curve, go, stop_at
from train import loop
from train.batch import make_batch
from train.errors import TrainError
from train.model import config_folder, load_model
from train.plan.memory import MemoryPlanner
from train.plan.plan import hardware, plan
from train.plan.rows import rows_without_mix
from train.plan.show import _row_length
from train.recipe import TrainRecipe
from train.steps import StageRows, Steps, _batch_rows, steps_of


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


GROWING = [
    {"name": "short", "tokens": 1000, "row_tokens": 16, "weights": {"even": 0.75, "odd": 0.25}},
    {"name": "long", "tokens": 2500, "weights": {"even": 0.5, "odd": 0.5}},
]


@pytest.fixture(scope="session")
def growing(tmp_path_factory, base):
    """A mix whose rows grow from 16 to 48 tokens."""
    return write_mix(tmp_path_factory.mktemp("growing"), hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest(), stages=GROWING)


@pytest.fixture
def growing_recipe(write_recipe, growing):
    def write(**changes):
        settings = {"mix": str(growing), "steps": None, "batch_rows": {"short": 12, "long": 4}, "micro_batch_rows": 2, "checkpoint": {"every_steps": 3}}
        return write_recipe(**(settings | changes))

    return write


def test_a_run_goes_from_short_rows_to_long_ones_and_trains_on_all_of_them(growing_recipe, growing, tmp_path, monkeypatch):
    mix, shapes = open_mix(growing), []
    step = loop.train_step

    def spied(model, weights, micro_batches, *arguments):
        shapes.append([tuple(batch.input_ids.shape) for batch in micro_batches])
        return step(model, weights, micro_batches, *arguments)

    monkeypatch.setattr(loop, "train_step", spied)
    go(growing_recipe())
    change = mix.lengths[1].first_row
    expected = [(first, min(first + 12, change), 16) for first in range(0, change, 12)] + [
        (first, min(first + 4, mix.n_rows), 48) for first in range(change, mix.n_rows, 4)
    ]
    seen = [(sum(rows for rows, _ in step), {length for _, length in step}) for step in shapes]
    assert seen == [(stop - first, {length}) for first, stop, length in expected]
    assert max(rows * length for step in shapes for rows, length in step) == 2 * 48  # a pass of short rows has as many tokens, not as many rows
    records = curve(tmp_path / "run")
    assert records[-1]["tokens"] == mix.n_tokens and len(records) == len(expected)
    assert [record["tokens"] for record in records] == [int(mix.tokens_before(stop).sum()) for _, stop, _ in expected]


@pytest.mark.parametrize("step", [2, 8])
def test_a_run_stopped_in_either_stage_ends_like_one_that_was_not(growing_recipe, tmp_path, monkeypatch, step):
    recipe = growing_recipe()
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        go(recipe)
    assert len(curve(tmp_path / "run")) == step
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")


def test_the_loss_of_every_step_is_that_of_its_rows_alone(growing_recipe, growing, tmp_path, base):
    """At a learning rate that moves nothing, against the base model's nats of the same rows."""
    mix = open_mix(growing)
    go(growing_recipe(optimizer={"lr": 1e-12}))
    model = load_model(base, torch.device("cpu"))
    run = steps_of(mix, load_recipe(growing_recipe(), TrainRecipe))
    for record, rows in zip(curve(tmp_path / "run"), map(run.rows, range(run.n_steps)), strict=True):
        batch = make_batch(mix.rows(rows.start, rows.stop), 2)
        with torch.no_grad():
            assert record["loss"] == pytest.approx(float(model.nats(batch).double().sum()) / batch.n_targets, rel=1e-5)


def test_batch_rows_by_stage_name_every_stage_once():
    assert _batch_rows({"a": 8, "b": 4}, ["a", "b 1/2", "b 2/2"]) == [8, 4, 4]
    assert _batch_rows({"a": 8, "b 1/2": 4, "b 2/2": 2}, ["a", "b 1/2", "b 2/2"]) == [8, 4, 2]
    assert _batch_rows(3, ["a", "b"]) == [3, 3]
    with pytest.raises(TrainError, match="batch_rows: the mix has no stage c; give one number, or one for each of a, b"):
        _batch_rows({"a": 8, "c": 4}, ["a", "b"])
    with pytest.raises(TrainError, match="batch_rows: nothing for stage b of the mix"):
        _batch_rows({"a": 8}, ["a", "b"])


def test_rows_longer_than_the_model_allows_are_refused_whichever_stage_has_them(growing_recipe, tmp_path, base):
    network = tiny_network()
    network.config.max_position_embeddings = 32
    network.save_pretrained(tmp_path / "short")
    (tmp_path / "short" / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    with pytest.raises(TrainError, match=r"at most 32 tokens .* have 48"):
        go(growing_recipe(model=str(tmp_path / "short")))


def test_a_plan_is_that_of_the_longest_rows_and_names_lengths_and_step_sizes(growing_recipe, growing):
    mix = open_mix(growing)
    content = plan(load_recipe(growing_recipe(batch_rows=4), TrainRecipe), hardware("h100", 1, 0.4, None, None, None))
    assert content["rows"]["row_tokens"] == 48 and content["rows"]["tokens"] == mix.n_tokens and content["rows"]["rows"] == mix.n_rows
    assert [(stage["row_tokens"], stage["step_tokens"]) for stage in content["stages"]] == [(16, 64), (48, 192)]
    short = mix.lengths[1].first_row
    positions = 16 * short + 48 * (mix.n_rows - short)
    assert content["rows"]["padding"] == pytest.approx(1 - mix.n_tokens / positions)
    long_only = rows_without_mix(48, mix.n_tokens, 4, None)
    alone = MemoryPlanner(config_folder(load_recipe(growing_recipe(), TrainRecipe).model), long_only.row_tokens, on_gpu=True)
    assert content["memory"]["total"] == alone.memory(load_recipe(growing_recipe(batch_rows=4), TrainRecipe), 1).total
    constant = plan(load_recipe(growing_recipe(), TrainRecipe), hardware("h100", 1, 0.4, None, None, None))
    assert [stage["step_tokens"] for stage in constant["stages"]] == [192, 192] and constant["memory"]["total"] == content["memory"]["total"]
    assert "16, then 48 tokens (a step has 64, then 192; batch_rows by stage would keep its size)" in _row_length(content)
    assert _row_length(constant) == "16, then 48 tokens"
