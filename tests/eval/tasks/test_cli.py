"""The command `evaluate tasks`."""

import pytest

from eval.errors import EvalError
from eval.tasks.load import read_own_items
from tests.commands import run as run_command
from tests.eval.tasks.conftest import ITEMS, write_items
from tests.flow import write_yaml


def test_the_command_prints_scores_and_differences_and_writes_nothing_outside_its_folder(tmp_path, model_folders):
    home = tmp_path / "home"
    home.mkdir()
    fields = {"name": "boxes", "models": {name: str(model_folders[name]) for name in ("base", "adapted")}, "baseline": "base", "n_resamples": 100}
    tasks = {"boxes": {"items": str(write_items(tmp_path / "boxes.jsonl", ITEMS))}}
    recipe = write_yaml(tmp_path / "tasks.yaml", fields | {"tasks": tasks, "device": "cpu", "out": str(tmp_path / "answers")})
    said = run_command("evaluate", "tasks", recipe, environment={"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")})
    assert "bits per byte of the answer" in said and "this checkpoint" in said and "by chance" in said and "tasks.json" in said
    assert "it/s" not in said and not list(home.iterdir())


def test_a_task_file_without_a_right_answer_is_refused_in_one_line(tmp_path, model_folders):
    no_gold = [{"id": "a", "context": "Box", "choices": [" red", " blue"]}]
    fields = {"name": "boxes", "models": {"base": str(model_folders["base"])}, "baseline": "base", "out": str(tmp_path / "answers")}
    tasks = {"boxes": {"items": str(write_items(tmp_path / "boxes.jsonl", no_gold))}}
    said = run_command("evaluate", "tasks", write_yaml(tmp_path / "tasks.yaml", fields | {"tasks": tasks}), code=2)
    assert "boxes.jsonl, line 1: has no gold, the index of the right choice" in said and said.count("error:") == 1


@pytest.mark.parametrize(
    "first, other, message", [(0, 1, "item b has 1 choices, the first one has several"), (1, 0, "item q0 has 2 choices, the first one has one choice")]
)
def test_a_file_has_choices_in_all_items_or_in_none(tmp_path, first, other, message):
    both = [ITEMS[0], {"id": "b", "context": "Box is", "continuation": " red"}]
    path = write_items(tmp_path / "boxes.jsonl", [both[first], both[other]])
    with pytest.raises(EvalError, match=message):
        read_own_items("boxes", path, limit=10, seed=0)
