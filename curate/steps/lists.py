"""Lists of URLs and words as a step: columns of `curate.lists.urls.SIGNALS`, `n_bad_words`, `bad_words_draw`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.lists.bad_words import BadWords, draws, list_files
from curate.lists.recipe import ListsRecipe
from curate.lists.urls import SIGNALS, load_url_lists, measure_urls
from curate.steps.batch import Batch, Step, file_key


class ListsStep(Step[ListsRecipe]):
    """Matches URLs and texts against lists."""

    name = "lists"

    def __init__(self, section: ListsRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._urls = load_url_lists(section.urls) if section.urls is not None else None
        self._words = BadWords(section.bad_words) if section.bad_words is not None else None
        if self._urls is not None:
            self.columns += [pa.field(name, pa.int64()) for name in SIGNALS]
        if self._words is not None:
            self.columns += [pa.field("n_bad_words", pa.int64()), pa.field("bad_words_draw", pa.float64())]

    @classmethod
    def key(cls, section: ListsRecipe) -> Any:
        """Its section of the recipe, and the files of the lists."""
        urls, words = section.urls, section.bad_words
        files = [Path(one.path) for one in urls.lists] if urls is not None else []
        files += list_files(words.path) if words is not None else []
        return [section.model_dump(mode="json"), [file_key(file) for file in files if file.exists()]]

    def apply(self, batch: Batch) -> None:
        """Add the columns."""
        if self._urls is not None:
            batch.columns.update(measure_urls(batch.rows["url"], self._urls))
        if self._words is not None:
            counts = self._words.count(batch.texts, batch.columns["language"])
            batch.columns.update(n_bad_words=counts, bad_words_draw=draws(batch.texts, counts))
