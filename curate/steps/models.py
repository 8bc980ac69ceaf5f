"""Models that measure, as a step: classifiers, importance weights, perplexities; columns as their recipes name them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.models.apply import model_files, open_model
from curate.models.recipe import ModelRecipe
from curate.steps.batch import Batch, Step, file_key


class ModelsStep(Step[Sequence[ModelRecipe]]):
    """Sends each batch through every model of the recipe, in order. What they measure serves rules, `dedup.keep` and mixes."""

    name = "models"

    def __init__(self, section: Sequence[ModelRecipe], folder: Path) -> None:
        super().__init__(section, folder)
        self._models = [open_model(one) for one in section]
        self.columns = [field for model in self._models for field in model.fields]
        names = [field.name for field in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CurateError(f"models: two of them measure {twice}; give one another name")

    @classmethod
    def key(cls, section: Sequence[ModelRecipe]) -> Any:
        """The models' recipes and files."""
        return [[one.model_dump(mode="json"), *(file_key(file) for file in model_files(one))] for one in section]

    def apply(self, batch: Batch) -> None:
        """Measure."""
        for model in self._models:
            batch.columns.update(zip((field.name for field in model.fields), model.measure(batch.texts), strict=True))
