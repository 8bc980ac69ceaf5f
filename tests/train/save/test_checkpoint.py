import pytest
import torch

from shards.record import sealed
from tests.records import edit
from tests.train.parts import tiny_model
from train.devices.world import World
from train.errors import TrainError
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.save.checkpoint import CheckpointFacts, Checkpoints, best_checkpoint, check_files, list_checkpoints, read_facts

IDENTITY = {"recipe_hash": "r", "model_hash": "m", "plan_hash": "p"}
ALONE = World(torch.device("cpu"))


@pytest.fixture
def weights():
    return TrainedWeights(tiny_model().network, torch.float32, OptimizerRecipe())


def save(folder, weights, step, score=None, keep=5):
    checkpoints = Checkpoints(folder, keep, ALONE)
    facts = CheckpointFacts(step=step, tokens=10 * step, next_row=8 * step, identity=IDENTITY, score=score)
    checkpoints.save(facts, weights.state(), lambda model, _: (model / "config.json").write_text("{}"))
    checkpoints.wait(must_succeed=True)
    return folder / f"step-{step:06d}"


def test_a_checkpoint_says_where_the_run_stood_and_holds_its_tensors(tmp_path, weights):
    save(tmp_path, weights, 3)
    expected = {name: tensor.clone() for name, tensor in weights.state().items()}
    for tensor in weights.state().values():
        tensor.fill_(7)
    path, facts = Checkpoints(tmp_path, 1, ALONE).newest(lambda row: IDENTITY)
    assert (facts.step, facts.tokens, facts.next_row) == (3, 30, 24)
    Checkpoints(tmp_path, 1, ALONE).load(path, weights.state())
    assert all(tensor.equal(expected[name]) for name, tensor in weights.state().items())


def test_what_changes_after_a_checkpoint_was_begun_is_not_in_it(tmp_path, weights):
    expected = {name: tensor.clone() for name, tensor in weights.state().items()}
    checkpoints = Checkpoints(tmp_path, 1, ALONE)
    checkpoints.save(CheckpointFacts(step=1, tokens=1, next_row=1, identity=IDENTITY), weights.state(), lambda model, _: None)
    for tensor in weights.state().values():
        tensor.fill_(7)
    checkpoints.wait(must_succeed=True)
    checkpoints.load(tmp_path / "step-000001", weights.state())
    assert all(tensor.equal(expected[name]) for name, tensor in weights.state().items())


def test_nothing_under_a_final_name_is_half_written(tmp_path, weights):
    def fails(model, _):
        (model / "config.json").write_text("{}")
        raise OSError("disk full")

    checkpoints = Checkpoints(tmp_path, 1, ALONE)
    checkpoints.save(CheckpointFacts(step=1, tokens=1, next_row=1, identity=IDENTITY), weights.state(), fails)
    with pytest.raises(TrainError, match=r"step-000001: could not be written \(disk full\)"):
        checkpoints.wait(must_succeed=True)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_are_kept_and_leftovers_removed(tmp_path, weights):
    (tmp_path / ".step-000011.tmp").mkdir()
    for step in (2, 9, 10):
        save(tmp_path, weights, step, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000009", "step-000010"]


def test_the_best_is_kept_beside_the_newest(tmp_path, weights):
    for step, score in ((1, 3.0), (2, 1.5), (3, 2.0), (4, None), (5, 1.5)):
        save(tmp_path, weights, step, score, keep=1)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-000002", "step-000005"]
    assert best_checkpoint(tmp_path)[0].name == "step-000002"


def test_a_step_beyond_six_digits_is_still_the_newest(tmp_path, weights):
    for step in (1_000_000, 999_999):
        save(tmp_path, weights, step)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-999999", "step-1000000"]


def test_a_missing_file_is_named(tmp_path, weights):
    path = save(tmp_path, weights, 1)
    (path / "config.json").unlink()
    with pytest.raises(TrainError, match=r"config.json: missing"):
        check_files(path, read_facts(path))


def test_a_checkpoint_of_another_run_is_refused(tmp_path, weights):
    save(tmp_path, weights, 1)
    with pytest.raises(TrainError, match=r"step-000001: belongs to another recipe, base model or mix"):
        Checkpoints(tmp_path, 1, ALONE).newest(lambda row: IDENTITY | {"plan_hash": "q"})


def test_a_checkpoint_of_other_tensors_is_named(tmp_path, weights):
    path = save(tmp_path, weights, 1)
    other = TrainedWeights(tiny_model("gpt2").network, torch.float32, OptimizerRecipe())
    with pytest.raises(TrainError, match=r"does not hold the tensors of this run .*Missing key"):
        Checkpoints(tmp_path, 1, ALONE).load(path, other.state())


@pytest.mark.parametrize(
    "change, said",
    [
        ({"step": -1}, "step: .*greater than or equal to 0"),
        ({"step": 2}, "says step 2"),
        ({"score": "low"}, "score"),
        ({"files": {"../../secret": "0" * 32}}, "names are letters, digits"),
        ({"files": {"config.json": "?"}}, "files.config.json"),
    ],
)
def test_facts_that_cannot_be_are_refused(tmp_path, change, said):
    path = tmp_path / "step-000001" / "facts.json"
    path.parent.mkdir()
    path.write_bytes(sealed(CheckpointFacts(step=1, tokens=1, next_row=1, identity=IDENTITY).model_dump()))
    assert read_facts(path.parent).step == 1
    edit(path, lambda content: content.update(change))
    with pytest.raises(TrainError, match=rf"facts\.json: .*{said}.*delete this checkpoint"):
        read_facts(path.parent)


def test_a_checkpoint_that_a_kill_left_half_written_goes_when_the_run_starts_again(tmp_path, weights):
    save(tmp_path, weights, 1)
    (tmp_path / ".step-000002.tmp" / "trainer_state").mkdir(parents=True)
    (tmp_path / ".step-x.tmp").mkdir()
    Checkpoints(tmp_path, 1, ALONE).newest(lambda row: IDENTITY)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".step-x.tmp", "step-000001"]
