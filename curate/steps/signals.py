"""All signals of `curate.signals` as a step."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.recipe import CurateRecipe
from curate.signals.measure import measure
from curate.signals.words import WordSplitter
from curate.steps.batch import Batch, Step


class SignalsStep(Step):
    """Measures every signal, one column each."""

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self._splitter = WordSplitter(recipe.words)
        self.columns = list(measure(pa.array([], pa.large_string()), self._splitter).schema)

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """The words."""
        return recipe.words

    def apply(self, batch: Batch) -> None:
        """Measure."""
        signals = measure(batch.texts, self._splitter)
        batch.columns.update(zip(signals.schema.names, signals.columns, strict=True))
