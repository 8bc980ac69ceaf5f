"""Bits per byte, or perplexity, of documents under a causal language model: what a curriculum sorts by, and what the model to be trained finds surprising.

Every token of the text is predicted once and no special token is. A document starts with the tokenizer's beginning-of-text token where
it puts one there itself; where it does not, the first token costs ln(vocabulary size). Texts longer than the context are read in windows that
overlap, so that every token sees at least half a window. Scores equal those of `evaluate run` with the same context and stride.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.models.recipe import CausalRecipe

_MOST_CONTEXT = 1024
_LOGITS_AT_ONCE = 1 << 23
_MOST_NATS = 88.0
"""Nats per token whose exponential still is a float32."""


class Window(NamedTuple):
    """Inputs [start, stop) of a document's tokens, BOS included; those they predict from `first` on were not predicted before."""

    document: int
    start: int
    stop: int
    first: int


def windows(lengths: list[int], context: int, stride: int) -> Iterator[Window]:
    """Windows over documents of so many tokens: together they predict tokens 1 … n − 1 of each once."""
    for document, n_tokens in enumerate(lengths):
        start, first = 0, 1
        while first < n_tokens:
            stop = min(start + context, n_tokens - 1)
            yield Window(document, start, stop, first)
            start, first = start + stride, stop + 1


class CausalModel:
    """A Hugging Face model with its tokenizer, in evaluation mode. Raises CurateError if transformers cannot load it."""

    def __init__(self, recipe: CausalRecipe) -> None:
        torch, transformers = _need()
        device = recipe.device if recipe.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise CurateError(f"causal model {recipe.path}: no CUDA device is visible to torch; set device: cpu")
        if device == "cpu":
            torch.set_num_threads(1)  # tasks run side by side, and sums must not depend on how many threads share them
        transformers.utils.logging.disable_progress_bar()
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.path, local_files_only=True)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(recipe.path, dtype=getattr(torch, recipe.dtype), local_files_only=True)
        except Exception as error:
            raise CurateError(f"causal model {recipe.path}: transformers cannot load it ({str(error).strip().splitlines()[0][:200]})") from None
        self._model = model.to(device).eval()
        first = self._tokenizer("").input_ids[:1]
        self._start = [first[0]] if first and first[0] == self._tokenizer.bos_token_id else []
        holds = getattr(model.config.get_text_config(), "max_position_embeddings", None) or _MOST_CONTEXT
        self._context = recipe.context_tokens or min(holds, _MOST_CONTEXT)
        if self._context > holds:
            raise CurateError(f"causal model {recipe.path}: holds {holds} tokens, context_tokens asks for {self._context}")
        self._stride = recipe.stride_tokens or max(self._context // 2, 1)
        if self._stride > self._context:
            raise CurateError(f"causal model {recipe.path}: stride_tokens {self._stride} is more than the context of {self._context}; tokens would be left out")
        self._batch_tokens, self._first_bytes = recipe.batch_tokens, recipe.first_bytes

    def bits_per_byte(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string; NaN for empty text. Depends on the other texts by rounding only."""
        found = [_head(text, self._first_bytes) for text in texts.to_pylist()]
        n_bytes = np.array([len(text.encode()) for text in found], np.float64)
        with np.errstate(invalid="ignore"):
            return self.nats(found)[0] / n_bytes / math.log(2)

    def perplexity(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string: e to the nats per token of the text, at most the largest float32; NaN for empty text."""
        nats, n_tokens = self.nats([_head(text, self._first_bytes) for text in texts.to_pylist()])
        with np.errstate(invalid="ignore"):
            return np.exp(np.minimum(nats / n_tokens, _MOST_NATS))

    def nats(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Nats and tokens of each text, (n_docs,) float64 and int64; 0 for an empty one. A token that the model puts before a text is none of it."""
        import torch

        if not texts:
            return np.zeros(0), np.zeros(0, np.int64)
        encoded = self._tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False).input_ids
        tokens = [np.array([*self._start, *ids], np.int64) for ids in encoded]
        nats = np.zeros(len(texts)) if self._start else np.array([math.log(len(self._tokenizer)) if len(ids) else 0.0 for ids in tokens])
        ordered = sorted(windows([len(ids) for ids in tokens], self._context, self._stride), key=lambda one: (one.start - one.stop, one.document, one.start))
        with torch.inference_mode():
            for batch in _batches(ordered, self._batch_tokens):
                np.add.at(nats, *self._score(tokens, batch))
        return nats, np.array([len(ids) for ids in encoded], np.int64)

    def _score(self, tokens: list[np.ndarray], batch: list[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Document, (n,) int64, and nats, (n,) float64, of each new token of a batch of windows."""
        import torch

        longest = max(one.stop - one.start for one in batch)
        inputs = np.zeros((len(batch), longest), np.int64)  # (B, L), padded on the right, where causal attention never looks
        targets = np.zeros((len(batch), longest), np.int64)
        documents = np.full((len(batch), longest), -1, np.int64)  # -1: not a new token
        for row, one in enumerate(batch):
            inputs[row, : one.stop - one.start] = tokens[one.document][one.start : one.stop]
            targets[row, : one.stop - one.start] = tokens[one.document][one.start + 1 : one.stop + 1]
            documents[row, one.first - 1 - one.start : one.stop - one.start] = one.document
        device = self._model.device
        logits = self._model(input_ids=torch.from_numpy(inputs).to(device), use_cache=False).logits.flatten(0, 1)  # (B L, V)
        places = np.flatnonzero(documents >= 0)
        wanted, rows = torch.from_numpy(targets.ravel()[places]).to(device), torch.from_numpy(places).to(device)
        size = max(_LOGITS_AT_ONCE // logits.shape[1], 1)
        slices = [slice(start, start + size) for start in range(0, len(places), size)]
        nats = [torch.nn.functional.cross_entropy(logits[rows[part]].float(), wanted[part], reduction="none") for part in slices]
        return documents.ravel()[places], torch.cat(nats).double().cpu().numpy()


@lru_cache(maxsize=2)
def load_causal(recipe: CausalRecipe) -> CausalModel:
    """The model of a recipe; once per process."""
    return CausalModel(recipe)


def causal_files(recipe: CausalRecipe) -> list[Path]:
    """Weights, configuration and tokenizer of the model's folder. Raises CurateError if it is no folder or holds no configuration."""
    folder = Path(recipe.path)
    if not (folder / "config.json").is_file():
        raise CurateError(f"causal model {recipe.path}: no config.json there; give the folder of a Hugging Face model")
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors", ".bin", ".model"))


def _batches(ordered: list[Window], batch_tokens: int) -> Iterator[list[Window]]:
    place = 0
    while place < len(ordered):
        size = max(batch_tokens // (ordered[place].stop - ordered[place].start), 1)
        yield ordered[place : place + size]
        place += size


def _head(text: str, n_bytes: int | None) -> str:
    """The first characters of a text that fit into so many bytes of UTF-8."""
    return text if n_bytes is None else text.encode()[:n_bytes].decode(errors="ignore")


def _need() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise CurateError(f"bits per byte under a causal model need torch and transformers ({error.name} is missing): pip install 'cptkit[train]'") from None
    return torch, transformers
