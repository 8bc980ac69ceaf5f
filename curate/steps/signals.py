"""The signals of `curate.signals` as a step."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.recipe import CurateRecipe
from curate.rules.ruleset import load_rules
from curate.signals.groups import GROUPS, groups_for
from curate.signals.measure import measure
from curate.signals.words import WordSplitter
from curate.steps.batch import Batch, Step, file_key


class SignalsStep(Step):
    """Measures the default groups of signals, those that the recipe names and those that its rules read; one column each."""

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self._splitter = WordSplitter(recipe.words)
        self._groups = recipe_groups(recipe)
        self.columns = list(measure(pa.array([], pa.large_string()), self._splitter, self._groups).schema)

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """The words and the groups."""
        return [recipe.words, *(group if group in GROUPS else file_key(group) for group in recipe_groups(recipe))]

    def apply(self, batch: Batch) -> None:
        """Measure."""
        signals = measure(batch.texts, self._splitter, self._groups)
        batch.columns.update(zip(signals.schema.names, signals.columns, strict=True))


def recipe_groups(recipe: CurateRecipe) -> tuple[str, ...]:
    """Groups of signals that the recipe's run measures. Raises CurateError for a group or rule set that does not exist."""
    return groups_for((name for chosen in recipe.rules for name in load_rules(chosen.name).signals()), recipe.signals)
