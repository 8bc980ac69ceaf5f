"""Language identification as a step: columns `language` and `language_score`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.languages.identify import DEFAULT_VERSION, check_language_model, load_language_model
from curate.languages.model import CANDIDATES
from curate.languages.recipe import LanguageRecipe
from curate.steps.batch import Batch, Step, file_key

COLUMNS = [pa.field("language", pa.string()), pa.field("language_score", pa.float32())]


class LanguageStep(Step[LanguageRecipe | None]):
    """Identifies each document's language; without a model the language is "" and the score null."""

    name = "language"

    def __init__(self, section: LanguageRecipe | None, folder: Path) -> None:
        super().__init__(section, folder)
        self._model = load_language_model(section.model, section.max_bytes) if section is not None else None
        self._least = section.candidates if section is not None else None
        self.columns = COLUMNS if self._least is None else [*COLUMNS, pa.field("languages", CANDIDATES)]

    @classmethod
    def key(cls, section: LanguageRecipe | None) -> Any:
        """The model, and how much it reads and tells."""
        if section is None:
            return ["none"]
        model = section.model
        check_language_model(model)
        return [[model, DEFAULT_VERSION] if model == "default" else file_key(model), section.max_bytes, section.candidates]

    def apply(self, batch: Batch) -> None:
        """Identify."""
        n_docs = len(batch.texts)
        if self._model is None:
            columns = [pa.repeat(pa.scalar("", pa.string()), n_docs), pa.nulls(n_docs, pa.float32())]
        else:
            found = self._model.identify(batch.texts)
            columns = [found.code, pa.array(found.score, pa.float32())]
            if self._least is not None:
                batch.columns["languages"] = self._model.candidates(batch.texts, self._least)
        batch.columns.update(zip((field.name for field in COLUMNS), columns, strict=True))
