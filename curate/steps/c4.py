"""C4's line rules as a step; how they work: `curate.rewrite.c4.lines`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.rewrite.c4.lines import COLUMNS, C4Rules, c4_lines
from curate.rewrite.recipe import C4Recipe
from curate.steps.batch import Batch, Step


class C4Step(Step[C4Recipe]):
    """Rewrites texts. One column per rule; the count `c4_changed` is the number of documents changed."""

    name = "c4"

    def __init__(self, section: C4Recipe, folder: Path) -> None:
        super().__init__(section, folder)
        self.columns = [pa.field(name, pa.int64()) for name in COLUMNS]
        self._rules = C4Rules(**section.model_dump())

    @classmethod
    def key(cls, section: C4Recipe) -> Any:
        """Its section of the recipe."""
        return section.model_dump()

    def apply(self, batch: Batch) -> None:
        """Replace the texts; add columns."""
        rewritten = c4_lines(batch.texts, self._rules)
        batch.texts = rewritten.texts
        batch.columns |= {name: pa.array(values) for name, values in rewritten.columns.items()}
        batch.counts["c4_changed"] += int(rewritten.changed.sum())
