"""Questions about made-up things, as JSON lines, and a recipe that asks the tiny models."""

import json
from pathlib import Path

import pytest

from eval.tasks.recipe import TasksRecipe

COLOURS = ("red", "green", "blue", "yellow")
ITEMS = [
    {"id": f"q{number}", "context": f"Box {number} is", "choices": [f" {colour}" for colour in COLOURS[: 2 + number % 3]], "gold": number % 2}
    for number in range(24)
]


def write_items(path: Path, items: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")
    return path


@pytest.fixture
def tasks_recipe(tmp_path, model_folders):
    def build(**changes) -> TasksRecipe:
        fields = {
            "name": "test",
            "models": {name: model_folders[name] for name in ("base", "adapted")},
            "baseline": "base",
            "tasks": {"boxes": {"items": write_items(tmp_path / "boxes.jsonl", ITEMS)}},
            "n_resamples": 200,
            "device": "cpu",
            "threads": 1,
            "out": tmp_path / "answers",
        }
        return TasksRecipe.model_validate(fields | changes)

    return build
