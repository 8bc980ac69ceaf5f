"""Embeddings of the final texts: table `embeddings`, one row a document; null where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.dedup.semantic import normalized
from curate.errors import CurateError
from curate.models.embed import EmbeddingFile, load_embedder
from curate.recipe import CurateRecipe
from curate.steps.batch import Batch, Step, file_key


class EmbeddingsStep(Step):
    """By a model, or from a file by the document's id or address; float16, of length 1."""

    uncompressed = ("embeddings",)

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        semantic = recipe.dedup.semantic
        assert semantic is not None
        self._key = semantic.key
        self._source = EmbeddingFile(semantic.embeddings, semantic.key, semantic.column) if semantic.embeddings else None
        self._model = None if semantic.embeddings else load_embedder(semantic.model, semantic.max_tokens)
        self._n_dims = (self._source or self._model).n_dims  # type: ignore[union-attr]
        self.tables = {"embeddings": pa.schema([("vector", pa.list_(pa.float16(), self._n_dims))])}

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """The files of the model, or the file of embeddings."""
        semantic = recipe.dedup.semantic
        if semantic is None:
            return None
        path = Path(semantic.embeddings or semantic.model)
        if not path.exists():
            raise CurateError(f"dedup.semantic: {path}: no such {'file' if semantic.embeddings else 'folder'}")
        files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        return [semantic.key, semantic.column, semantic.max_tokens, [file_key(one) for one in files]]

    def apply(self, batch: Batch) -> None:
        """Embed."""
        if self._model is not None:
            vectors = self._model.embed(batch.texts.to_pylist())
        else:
            assert self._source is not None
            keys = batch.rows["url"].to_pylist() if self._key == "url" else [one.hex() for one in batch.columns["doc_id"].to_pylist()]
            vectors = self._source.vectors(keys)
        vectors = normalized(vectors).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self._n_dims, mask=pa.array(~vectors.any(axis=1)))
        batch.tables["embeddings"] = pa.record_batch([column], schema=self.tables["embeddings"])
