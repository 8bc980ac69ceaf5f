import pytest
import torch

from tests.train.parts import tiny_model
from train.checkpoint import keep_last, list_checkpoints, read_facts, restore, save_checkpoint
from train.errors import TrainError
from train.loop import RunState
from train.recipe import Optimizer
from train.weights import MasterWeights

IDENTITY = {"recipe_hash": "r", "model_hash": "m", "plan_hash": "p"}


@pytest.fixture
def weights():
    return MasterWeights(tiny_model().network, torch.float32, Optimizer())


def save(folder, weights, step):
    return save_checkpoint(folder, weights, RunState(step, 10 * step), 8 * step, IDENTITY, lambda model: (model / "config.json").write_text("{}"))


def test_a_checkpoint_says_where_the_run_stood_and_restores_random_numbers(tmp_path, weights):
    torch.manual_seed(5)
    path = save(tmp_path, weights, 3)
    expected = torch.rand(4)
    facts = read_facts(path)
    assert (facts.step, facts.tokens, facts.next_row, facts.identity) == (3, 30, 24, IDENTITY)
    assert restore(path, facts, weights) == RunState(3, 30)
    assert torch.rand(4).equal(expected)


def test_nothing_under_a_final_name_is_half_written(tmp_path, weights):
    def fails(model):
        (model / "config.json").write_text("{}")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tmp_path, weights, RunState(1, 1), 1, IDENTITY, fails)
    assert list_checkpoints(tmp_path) == []


def test_the_newest_are_kept_and_leftovers_removed(tmp_path, weights):
    for step in (2, 10, 9):
        save(tmp_path, weights, step)
    (tmp_path / ".step-000011.77.tmp").mkdir()
    keep_last(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000009", "step-000010"]


def test_a_step_beyond_six_digits_is_still_the_newest(tmp_path, weights):
    for step in (1_000_000, 999_999):
        save(tmp_path, weights, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-999999", "step-1000000"]


def test_a_missing_file_is_named(tmp_path, weights):
    path = save(tmp_path, weights, 1)
    (path / "config.json").unlink()
    with pytest.raises(TrainError, match=r"config.json: missing"):
        restore(path, read_facts(path), weights)


def test_a_folder_without_facts_is_named(tmp_path, weights):
    path = save(tmp_path, weights, 1)
    (path / "trainer_state" / "state.json").write_text("{")
    with pytest.raises(TrainError, match=r"state.json: not a readable checkpoint"):
        read_facts(path)
