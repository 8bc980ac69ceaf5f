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
    """Identifies the language of each document. Without a model the language is empty and the score null."""

    name = "language"

    def __init__(self, section: LanguageRecipe | None, folder: Path) -> None:
        super().__init__(section, folder)
        self._model = load_language_model(section.model, section.max_bytes) if section is not None else None
        self._min_candidate = section.candidates if section is not None else None
        self.columns = COLUMNS if self._min_candidate is None else [*COLUMNS, pa.field("languages", CANDIDATES)]

    @classmethod
    def key(cls, section: LanguageRecipe | None) -> Any:
        """The model, how many bytes it reads, and the candidates it lists."""
        if section is None:
            return ["none"]
        model = section.model
        check_language_model(model)
        return [[model, DEFAULT_VERSION] if model == "default" else file_key(model), section.max_bytes, section.candidates]

    def apply(self, batch: Batch) -> None:
        """Add the columns."""
        n_docs = len(batch.texts)
        if self._model is None:
            columns = [pa.repeat(pa.scalar("", pa.string()), n_docs), pa.nulls(n_docs, pa.float32())]
        else:
            languages = self._model.identify(batch.texts)
            columns = [languages.code, pa.array(languages.score, pa.float32())]
            if self._min_candidate is not None:
                batch.columns["languages"] = self._model.candidates(batch.texts, self._min_candidate)
        batch.columns.update(zip((field.name for field in COLUMNS), columns, strict=True))
