"""Unicode repair as a step; see `curate.rewrite.unicode`."""

from pathlib import Path
from typing import Any

from curate.rewrite.unicode import MODES, fix_unicode
from curate.steps.batch import Batch, Step


class UnicodeStep(Step[str]):
    """Repairs texts; counts those it changed as `repaired`."""

    name = "unicode"

    def __init__(self, section: str, folder: Path) -> None:
        super().__init__(section, folder)
        self._mode = MODES[section]

    @classmethod
    def key(cls, section: str) -> Any:
        """The mode."""
        return section

    def apply(self, batch: Batch) -> None:
        """Repair."""
        batch.texts, repaired = fix_unicode(batch.texts, self._mode)
        batch.counts["repaired"] += int(repaired.sum())
