"""Embeddings of texts: from a Hugging Face model, a table of static vectors (model2vec), or a file of embeddings."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import CurateError

_BATCH_DOCS = 16
_MAX_CHARS_PER_TOKEN = 8
"""Upper limit of characters per token passed to the tokenizer; text beyond it would be truncated anyway, and tokenizing it takes time."""


class Embedder(Protocol):
    """Embeds texts."""

    n_dims: int

    def embed(self, texts: list[str]) -> np.ndarray:
        """(n_texts, n_dims) float32."""
        ...


def load_embedder(folder: str, max_tokens: int) -> Embedder:
    """The model in a folder. Raises CurateError if it cannot be loaded, or if a package is missing."""
    path = Path(folder)
    try:
        config = json.loads((path / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise CurateError(f"dedup.semantic.model: {folder}: not a model folder, as its config.json cannot be read ({error})") from None
    try:
        return _StaticModel(path, max_tokens) if config.get("model_type") == "model2vec" else _PooledModel(path, max_tokens)
    except ImportError as error:
        raise CurateError(f"dedup.semantic.model: {error.name} is not installed; run: pip install 'cptkit[train]'") from None
    except (OSError, ValueError, KeyError) as error:
        raise CurateError(f"dedup.semantic.model: {folder} cannot be loaded: {' '.join(str(error).split())[:200]}") from None


class _PooledModel:
    """Mean of the last layer over all tokens, of any encoder or causal model. Runs on one thread, so that results don't depend on the number of cores."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        torch.set_num_threads(1)
        disable_progress_bar()
        self._torch, self._max_tokens = torch, max_tokens
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        self.n_dims = int(self._model.config.hidden_size)

    def embed(self, texts: list[str]) -> np.ndarray:
        """Batches texts of similar length; padding is excluded from the mean."""
        torch = self._torch
        limit = self._max_tokens * _MAX_CHARS_PER_TOKEN
        ids = self._tokenizer([text[:limit] for text in texts], truncation=True, max_length=self._max_tokens)["input_ids"]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        vectors = np.zeros((len(ids), self.n_dims), np.float32)
        for start in range(0, len(order), _BATCH_DOCS):
            rows = [row for row in order[start : start + _BATCH_DOCS] if ids[row]]
            if rows:
                longest = max(len(ids[row]) for row in rows)
                padded = torch.tensor([ids[row] + [0] * (longest - len(ids[row])) for row in rows])
                mask = torch.tensor([[1] * len(ids[row]) + [0] * (longest - len(ids[row])) for row in rows])
                with torch.inference_mode():
                    hidden = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
                vectors[rows] = ((hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)).numpy()
        return vectors


class _StaticModel:
    """Mean of static token vectors, from a model2vec folder: `tokenizer.json` and `model.safetensors`."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        tensors = load_file(folder / "model.safetensors")
        table = tensors["embeddings"].astype(np.float32)
        table = table[tensors["mapping"]] if "mapping" in tensors else table
        self._table = table * tensors["weights"].astype(np.float32)[:, None] if "weights" in tensors else table
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_tokens)
        self.n_dims = self._table.shape[1]

    def embed(self, texts: list[str]) -> np.ndarray:
        """A text without tokens gets a zero vector."""
        vectors = np.zeros((len(texts), self.n_dims), np.float32)
        for row, encoding in enumerate(self._tokenizer.encode_batch(texts, add_special_tokens=False)):
            if encoding.ids:
                vectors[row] = self._table[encoding.ids].mean(axis=0)
        return vectors


class EmbeddingFile:
    """A Parquet file with a column of keys and a column of embeddings: lists of one length."""

    def __init__(self, path: str, key: str, column: str) -> None:
        try:
            table = pq.read_table(path, columns=[key, column])
        except (OSError, pa.ArrowException) as error:
            raise CurateError(f"dedup.semantic.embeddings: {path}: cannot be read as Parquet with columns {key} and {column} ({error})") from None
        lists = table[column].combine_chunks()
        lengths = np.unique(np.diff(np.asarray(lists.offsets))) if not pa.types.is_fixed_size_list(lists.type) else np.array([lists.type.list_size])
        if lists.null_count or len(lengths) != 1:
            raise CurateError(f"dedup.semantic.embeddings: {path}: {column} must be a list column without nulls, with lists of one length")
        self._rows = {name: row for row, name in enumerate(table[key].cast(pa.string()).to_pylist())}
        self.n_dims = int(lengths[0])
        self._vectors = np.asarray(lists.flatten(), np.float32).reshape(-1, self.n_dims)

    def vectors(self, keys: list[str]) -> np.ndarray:
        """(n_keys, n_dims) float32; zeros for keys that are not in the file."""
        rows = np.array([self._rows.get(key, -1) for key in keys], np.int64)
        return np.where((rows >= 0)[:, None], self._vectors[rows], 0) if len(self._vectors) else np.zeros((len(keys), self.n_dims), np.float32)
