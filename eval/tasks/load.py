"""Reads the tasks of a recipe: from ready suites, from JSON lines, from task files of lm-evaluation-harness."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eval.errors import EvalError
from eval.tasks.engine import Source
from eval.tasks.items import Item, Task, check_task
from eval.tasks.recipe import TasksRecipe
from eval.tasks.suites.read import read_suite
from eval.tasks.yaml_task import read_yaml
from shards.atomic import file_checksum
from shards.items import read_items
from shards.record import json_hash


@dataclass(frozen=True)
class LoadedTask:
    """A task, and the harness's own task that it was read from, if any."""

    task: Task
    source: Source | None = None

    def without(self, ids: set[str]) -> "LoadedTask":
        """The task without the items of these ids. Raises EvalError if none is left."""
        kept = [index for index, item in enumerate(self.task.items) if item.id not in ids]
        if not kept:
            raise EvalError(f"task {self.task.name}: none of its {len(self.task.items)} items fits all models; raise context_tokens, or ask for fewer shots")
        fields: dict[str, Any] = {name: getattr(self.task, name) for name in Task.__dataclass_fields__}
        task = Task(**(fields | {"items": tuple(self.task.items[index] for index in kept)}))
        return LoadedTask(task, self.source and Source(self.source.built, tuple(self.source.rows[index] for index in kept)))


def load_tasks(parts: SimpleNamespace, recipe: TasksRecipe) -> list[LoadedTask]:
    """All tasks in the recipe's order, each reduced to its limit. Raises EvalError, naming the task, for one that cannot be read or scored."""
    return [loaded for name in recipe.tasks for loaded in _load(parts, name, recipe)]


def _load(parts: SimpleNamespace, name: str, recipe: TasksRecipe) -> list[LoadedTask]:
    spec, limit = recipe.tasks[name], recipe.limit_of(name)
    if spec.yaml is not None:
        return [LoadedTask(*read_yaml(parts, name, spec.yaml, limit=limit, seed=recipe.seed))]
    if spec.items is not None:
        return [LoadedTask(read_own_items(name, spec.items, limit=limit, seed=recipe.seed))]
    assert spec.suite is not None and spec.path is not None
    tasks = read_suite(name, spec.suite, spec.path, only=spec.only, shots=spec.shots, limit=limit, seed=recipe.seed)
    return [LoadedTask(check_task(task)) for task in tasks]


def read_own_items(name: str, path: Path, *, limit: int, seed: int) -> Task:
    """A task of JSON lines, reduced to a fixed random sample of `limit` items. Context and choice are scored exactly as they stand.

    Raises EvalError, naming file and line, for an item without a right answer or an id that appears twice, and for a file in which some items have
    one choice and others several.
    """
    read = read_items(path, error=EvalError)
    items = tuple(Item(item.id, item.context, item.choices, item.gold, group=item.group) for item in read)
    single = [len(item.choices) == 1 for item in items]
    if any(single) and not all(single):
        odd = items[single.index(not single[0])]
        expected = "one choice" if single[0] else "several choices"
        raise EvalError(f"task {name}: {path}: item {odd.id} has {len(odd.choices)} choices, the first one has {expected}; split them into two tasks")
    source = {"items": path.name, "checksum": file_checksum(path)}
    task = Task(name, "items", "continuation" if all(single) else "choice", items, delimiter="", source=source)
    kept = {item.id for item in sorted(items, key=lambda item: json_hash([seed, item.id, task.item_hash(item)]))[:limit]}
    chosen = tuple(item for item in items if item.id in kept)
    return check_task(Task(name, "items", task.kind, chosen, delimiter="", source=source))
