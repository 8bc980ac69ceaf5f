"""Evaluation items in texts: table `contamination`, one row per document: its n-grams that the index has, and their byte ranges.

This step follows PII, so that byte ranges refer to the final text. An item that contains a mail address is still found by its other n-grams.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.decontaminate.evals import eval_files, read_items
from curate.decontaminate.index import build_index, load_index, save_index
from curate.decontaminate.match import Hits, Matcher
from curate.decontaminate.recipe import DecontaminateRecipe
from curate.decontaminate.words import HashedWords, hashed_words, word_places
from curate.kernels.buffers import frozen, text_buffers
from curate.steps.batch import Batch, Step, file_key

INDEX = "contamination-index"
"""Folder of the index, inside that of the measure stage."""
INDEX_VERSION = 2
"""Increased when the same evaluation sets would give other n-grams."""
_LISTS = {"gram": pa.uint32(), "start": pa.int64(), "end": pa.int64()}


class ContaminationStep(Step[DecontaminateRecipe]):
    """Looks up each text in the index of all evaluation sets, which workers share."""

    name = "contamination"

    def __init__(self, section: DecontaminateRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._index = load_index(folder / INDEX)
        self._matcher = Matcher(self._index)
        self.tables = {"contamination": pa.schema([(name, pa.large_list(kind)) for name, kind in _LISTS.items()])}

    @classmethod
    def key(cls, section: DecontaminateRecipe) -> Any:
        """Evaluation sets and n-gram lengths; thresholds apply later."""
        files = [file_key(file) for one in section.evals for file in eval_files(one)]
        return [INDEX_VERSION, [one.model_dump(mode="json") for one in section.evals], files, section.ngram, section.min_words]

    @classmethod
    def prepare(cls, section: DecontaminateRecipe, folder: Path) -> None:
        """Build the index unless it exists."""
        if not (folder / INDEX / "names.json").exists():
            index, names = build_index(((one.name, read_items(one)) for one in section.evals), section.ngram, section.min_words)
            save_index(folder / INDEX, index, names)

    def apply(self, batch: Batch) -> None:
        """Fill the table `contamination`."""
        utf8, offsets = (frozen(array) for array in text_buffers(batch.texts))
        words = hashed_words(utf8, offsets)
        hits = self._matcher.match(words)
        starts, ends = hit_places(utf8, offsets, words, hits, self._index.n_words)
        where = pa.array(np.searchsorted(hits.doc, np.arange(len(batch.texts) + 1)).astype(np.int64))
        lists = [pa.LargeListArray.from_arrays(where, pa.array(values, kind)) for values, kind in zip((hits.gram, starts, ends), _LISTS.values(), strict=True)]
        batch.tables["contamination"] = pa.record_batch(lists, schema=self.tables["contamination"])


def hit_places(utf8: np.ndarray, offsets: np.ndarray, words: HashedWords, hits: Hits, n_words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end byte of each hit in its original text, (n_hits,) int64. Only documents with hits are processed."""
    starts, ends = np.empty(len(hits.doc), np.int64), np.empty(len(hits.doc), np.int64)
    for doc in np.unique(hits.doc):
        hits_of_doc = slice(*np.searchsorted(hits.doc, [doc, doc + 1]))
        first, last = word_places(utf8, offsets[doc], offsets[doc + 1], int(words.doc_offsets[doc + 1] - words.doc_offsets[doc]))
        starts[hits_of_doc] = first[hits.word[hits_of_doc]]
        ends[hits_of_doc] = last[hits.word[hits_of_doc] + n_words[hits.gram[hits_of_doc]] - 1]
    return starts, ends
