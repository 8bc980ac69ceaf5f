"""Answers of several models, possibly from earlier evaluations, paired by item: models are compared only on the same questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eval.errors import EvalError
from eval.tasks.recipe import TasksRecipe
from eval.tasks.rows import ItemScores, item_scores
from shards.errors import ShardError
from shards.read import ShardSet
from shards.record import check_values
from shards.schemas import ITEMS, require


@dataclass(frozen=True)
class Answers:
    """Rows of schema ITEMS by (model, task), and what they were made with."""

    folder: Path
    models: dict[str, Any]
    """Model → its facts, with `checksum`."""
    settings: dict[str, Any]
    tables: dict[tuple[str, str], pa.Table]

    def scores(self) -> dict[tuple[str, str], ItemScores]:
        """The answers as arrays."""
        return {pair: item_scores(table) for pair, table in self.tables.items()}


def earlier_answers(folder: Path) -> Answers:
    """The answers in the output folder of an `evaluate tasks`. Raises EvalError if it holds none."""
    try:
        shard_set = ShardSet(folder, "items")
        table, info = shard_set.to_table(), shard_set.manifest.info
    except (ShardError, FileNotFoundError) as error:
        raise EvalError(f"results: {error}; give the output folder of a finished `evaluate tasks`") from None
    missing = require(table.schema, ITEMS)
    if missing:
        raise EvalError(f"results: {folder}: its items lack {', '.join(missing)}; rerun `evaluate tasks`")
    check_values(info, dict[str, Any], f"results: {folder}", error=EvalError)
    pairs = dict.fromkeys(zip(table["model"].to_pylist(), table["task"].to_pylist(), strict=True))
    tables = {(model, task): table.filter(pc.and_(pc.equal(table["model"], model), pc.equal(table["task"], task))) for model, task in pairs}
    return Answers(folder, dict(info.get("models", {})), dict(info.get("settings", {})), tables)


def paired_answers(mine: Answers, earlier: list[Answers], tasks: list[str]) -> Answers:
    """All answers to `tasks`, those of a task in the same order of items for every model.

    Raises EvalError if a model was asked other questions than the first one, did not answer a task, was asked under other settings, or is another model
    of the same name.
    """
    models, tables = dict(mine.models), dict(mine.tables)
    settings = mine.settings if mine.models or not earlier else earlier[0].settings
    for answers in earlier:
        different = [f"{name} {answers.settings.get(name)} against {value}" for name, value in settings.items() if answers.settings.get(name) != value]
        if different:
            raise EvalError(f"results: {answers.folder} was made with other settings ({', '.join(different)}); ask its models again with the same")
        for name, facts in answers.models.items():
            if name in models and models[name]["checksum"] != facts["checksum"]:
                raise EvalError(f"results: {answers.folder} has another model that is called {name}; rename one of them")
            if name in models:
                _refuse_other_questions(answers, name, tasks, tables)
            else:
                models[name] = facts
                tables |= {(name, task): answers.tables[name, task] for task in tasks if (name, task) in answers.tables}
    for task in tasks:
        _pair(task, list(models), tables)
    return Answers(mine.folder, models, settings, {(model, task): tables[model, task] for task in tasks for model in models})


def check_names(recipe: TasksRecipe, models: dict[str, Any]) -> None:
    """Raise EvalError if the recipe compares a model that did not answer, or counts one checkpoint as two seeds."""
    for name in [recipe.baseline, *(model for members in recipe.recipes.values() for model in members)]:
        if name not in models:
            raise EvalError(f"no model is called {name}, neither in models nor in results; there are {', '.join(models)}")
    for recipe_name, members in recipe.recipes.items():
        first_of: dict[str, str] = {}
        for model in members:
            other = first_of.setdefault(models[model]["checksum"], model)
            if other != model:
                raise EvalError(f"recipes.{recipe_name}: {other} and {model} are the same checkpoint, which is no second seed; name runs with different seeds")


def _pair(task: str, models: list[str], tables: dict[tuple[str, str], pa.Table]) -> None:
    """Bring the rows of all models into the order of the first model's."""
    first = models[0]
    for model in models:
        if (model, task) not in tables:
            raise EvalError(f"task {task}: model {model} did not answer it; ask all models the same tasks")
    asked = _questions(tables[first, task])
    for model in models[1:]:
        other = _questions(tables[model, task])
        different = [item for item in (asked | other) if asked.get(item) != other.get(item)]
        if different:
            n = len(asked | other)
            raise EvalError(
                f"task {task}: models {first} and {model} were not asked the same questions: {len(different)} of {n} items differ, the first is "
                f"{different[0]}; use the same files, limit and seed for both"
            )
        position = {item: index for index, item in enumerate(other)}
        order = np.array([position[item] for item in asked])
        tables[model, task] = tables[model, task].take(pa.array(order))


def _refuse_other_questions(answers: Answers, model: str, tasks: list[str], tables: dict[tuple[str, str], pa.Table]) -> None:
    """Raise EvalError if earlier answers of a model that is asked again are to other questions: the folder's other models would be compared on these."""
    for task in tasks:
        if (model, task) in answers.tables and _questions(answers.tables[model, task]) != _questions(tables[model, task]):
            raise EvalError(f"task {task}: {answers.folder} holds answers of {model} to other questions; use the same files, limit and seed for both")


def _questions(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["item"].to_pylist(), table["item_hash"].to_pylist(), strict=True))
