"""Unicode repair as a step; how it works: `curate.rewrite.unicode`."""

from pathlib import Path
from typing import Any

from curate.recipe import CurateRecipe
from curate.rewrite.unicode import MODES, fix_unicode
from curate.steps.batch import Batch, Step


class UnicodeStep(Step):
    """Repairs texts; counts those it changed as `repaired`."""

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        self._mode = MODES[recipe.unicode]

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """The mode."""
        return None if recipe.unicode == "off" else recipe.unicode

    def apply(self, batch: Batch) -> None:
        """Repair."""
        batch.texts, repaired = fix_unicode(batch.texts, self._mode)
        batch.counts["repaired"] += int(repaired.sum())
