"""Personal data as a step: columns `pii_emails`, `pii_ips`, …, one count per kind; placeholders in the text."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.rewrite.pii.find import count_pii, find_pii, replace_pii
from curate.rewrite.pii.kinds import DATATROVE_PLACEHOLDERS, KINDS, PLACEHOLDERS
from curate.rewrite.pii.names import NameFinder
from curate.rewrite.recipe import PiiRecipe
from curate.steps.batch import Batch, Step, file_key


class PiiStep(Step[PiiRecipe]):
    """Counts and replaces personal data; adds to the counts `pii_emails` and so on. The values found are not stored."""

    name = "pii"

    def __init__(self, section: PiiRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._pii = section
        self._names = NameFinder(self._pii.names) if self._pii.names is not None else None
        self._kinds = (*self._pii.kinds, *(["name"] if self._names is not None else []))
        self._placeholders = placeholders(self._pii)
        self.columns = [pa.field(f"pii_{kind}s", pa.int64()) for kind in KINDS]

    @classmethod
    def key(cls, section: PiiRecipe) -> Any:
        """Its section of the recipe, and the files of the name model."""
        names = section.names
        files = sorted(path for path in Path(names).rglob("*") if path.is_file()) if names is not None else []
        return [section.model_dump(mode="json"), [file_key(path) for path in files]]

    def apply(self, batch: Batch) -> None:
        """Add the columns; replace the texts unless only counting."""
        spans = find_pii(batch.texts, self._kinds, regions=self._pii.regions, public_ips_only=not self._pii.all_ips, names=self._names)
        for kind, counts in count_pii(spans, len(batch.texts)).items():
            batch.columns[f"pii_{kind}s"] = pa.array(counts)
            batch.counts[f"pii_{kind}s"] += int(counts.sum())
        if self._pii.replace:
            batch.texts = replace_pii(batch.texts, spans, self._placeholders)


def placeholders(recipe: PiiRecipe) -> dict[str, tuple[str, ...]]:
    """Placeholder texts of each kind."""
    if isinstance(recipe.placeholders, str):
        return {"tags": PLACEHOLDERS, "datatrove": DATATROVE_PLACEHOLDERS}[recipe.placeholders]
    return PLACEHOLDERS | recipe.placeholders
