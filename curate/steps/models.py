"""Scores by models as a step: classifiers, importance weights, perplexities. Columns are named in the recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.models.apply import model_files, open_model
from curate.models.recipe import ModelRecipe
from curate.steps.batch import Batch, Step, file_key


class ModelsStep(Step[Sequence[ModelRecipe]]):
    """Applies every model of the recipe to each batch, in order. Rules, `dedup.keep` and mixes can use the scores."""

    name = "models"

    def __init__(self, section: Sequence[ModelRecipe], folder: Path) -> None:
        super().__init__(section, folder)
        self._models = [open_model(one) for one in section]
        self.columns = [field for model in self._models for field in model.fields]
        names = [field.name for field in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CurateError(f"models: two of them measure {twice}; rename one")

    @classmethod
    def key(cls, section: Sequence[ModelRecipe]) -> Any:
        """Recipes and files of the models."""
        return [[one.model_dump(mode="json"), *(file_key(file) for file in model_files(one))] for one in section]

    def apply(self, batch: Batch) -> None:
        """Add the columns."""
        for model in self._models:
            batch.columns.update(zip((field.name for field in model.fields), model.measure(batch.texts), strict=True))
