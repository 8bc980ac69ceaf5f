"""Embeddings of the final texts: table `embeddings`, one row per document; null where missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.dedup.recipe import SemanticRecipe
from curate.dedup.semantic import normalized
from curate.errors import CurateError
from curate.models.embed import EmbeddingFile, load_embedder
from curate.steps.batch import Batch, Step, file_key


class EmbeddingsStep(Step[SemanticRecipe]):
    """Computed by a model, or looked up in a file by the document's id or URL. float16 vectors of length 1."""

    name = "embeddings"
    uncompressed = ("embeddings",)

    def __init__(self, section: SemanticRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._key = section.key
        self._source = EmbeddingFile(section.embeddings, section.key, section.column) if section.embeddings else None
        self._model = None if section.embeddings else load_embedder(section.model, section.max_tokens)
        self._n_dims = (self._source or self._model).n_dims  # type: ignore[union-attr]
        self.tables = {"embeddings": pa.schema([("vector", pa.list_(pa.float16(), self._n_dims))])}

    @classmethod
    def key(cls, section: SemanticRecipe) -> Any:
        """The files of the model, or the file of embeddings."""
        path = Path(section.embeddings or section.model)
        if not path.exists():
            raise CurateError(f"dedup.semantic: {path}: no such {'file' if section.embeddings else 'folder'}")
        files = sorted(path_of_file for path_of_file in path.iterdir() if path_of_file.is_file()) if path.is_dir() else [path]
        return [section.key, section.column, section.max_tokens, [file_key(path_of_file) for path_of_file in files]]

    def apply(self, batch: Batch) -> None:
        """Fill the table `embeddings`."""
        if self._model is not None:
            vectors = self._model.embed(batch.texts.to_pylist())
        else:
            assert self._source is not None
            keys = batch.rows["url"].to_pylist() if self._key == "url" else [doc_id.hex() for doc_id in batch.columns["doc_id"].to_pylist()]
            vectors = self._source.vectors(keys)
        vectors = normalized(vectors).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self._n_dims, mask=pa.array(~vectors.any(axis=1)))
        batch.tables["embeddings"] = pa.record_batch([column], schema=self.tables["embeddings"])
