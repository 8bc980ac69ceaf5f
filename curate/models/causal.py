"""Bits per byte, or perplexity, of documents under a causal language model: a difficulty for curricula, or how surprising a text is to the model.

Every token of the text is predicted once; special tokens are not predicted. If the tokenizer puts a beginning-of-text token before a text, so
do we; if not, the first token costs ln(vocabulary size). Texts longer than the context are scored in overlapping windows, by default so that
every token sees at least half a window. Scores equal those of `evaluate run` with the same context and stride.
"""

import logging
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.models.recipe import CausalRecipe
from shards.round_trip import loss_words, round_trip_of

_MOST_CONTEXT = 1024
_LOGITS_AT_ONCE = 1 << 23
_MOST_NATS = 88.0
"""Upper limit of nats per token, so that their exponential fits a float32."""


class Window(NamedTuple):
    """Inputs [start, stop) of a document's tokens, BOS included. No earlier window predicted the tokens from `first` on."""

    document: int
    start: int
    stop: int
    first: int


def windows(lengths: list[int], context: int, stride: int) -> Iterator[Window]:
    """Windows over documents of `lengths` tokens. Together they predict tokens 1 … n − 1 of each document once."""
    for document, n_tokens in enumerate(lengths):
        start, first = 0, 1
        while first < n_tokens:
            stop = min(start + context, n_tokens - 1)
            yield Window(document, start, stop, first)
            start, first = start + stride, stop + 1


class CausalScorer:
    """A Hugging Face model with its tokenizer, in evaluation mode. Raises CurateError if transformers cannot load it."""

    def __init__(self, recipe: CausalRecipe) -> None:
        torch, transformers = _require_packages()
        device = recipe.device if recipe.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise CurateError(f"causal model {recipe.path}: no CUDA device is visible to torch; set device: cpu")
        if device == "cpu":
            torch.set_num_threads(1)  # tasks run in parallel, and sums must not depend on the number of threads
        transformers.utils.logging.disable_progress_bar()
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.path, local_files_only=True)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(recipe.path, dtype=getattr(torch, recipe.dtype), local_files_only=True)
        except Exception as error:
            raise CurateError(f"causal model {recipe.path}: transformers cannot load it ({str(error).strip().splitlines()[0][:200]})") from None
        self._model = model.to(device).eval()
        first = self._tokenizer("").input_ids[:1]
        self._start = [first[0]] if first and first[0] == self._tokenizer.bos_token_id else []
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None) or _MOST_CONTEXT
        self._context = recipe.context_tokens or min(limit, _MOST_CONTEXT)
        if self._context > limit:
            raise CurateError(f"causal model {recipe.path}: the context holds {limit} tokens, context_tokens is {self._context}; lower it")
        self._stride = recipe.stride_tokens or max(self._context // 2, 1)
        if self._stride > self._context:
            raise CurateError(
                f"causal model {recipe.path}: stride_tokens {self._stride} exceeds the context of {self._context}, so tokens would be skipped; lower it"
            )
        self._path, self._is_checked = recipe.path, False
        self._batch_tokens, self._first_bytes = recipe.batch_tokens, recipe.first_bytes

    def bits_per_byte(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string; NaN for empty text. Other texts in the batch change only the rounding."""
        heads = [_head(text, self._first_bytes) for text in texts.to_pylist()]
        n_bytes = np.array([len(text.encode()) for text in heads], np.float64)
        with np.errstate(invalid="ignore"):
            return self.nats(heads)[0] / n_bytes / math.log(2)

    def perplexity(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string: exp(nats per token), at most exp(_MOST_NATS); NaN for empty text."""
        nats, n_tokens = self.nats([_head(text, self._first_bytes) for text in texts.to_pylist()])
        with np.errstate(invalid="ignore"):
            return np.exp(np.minimum(nats / n_tokens, _MOST_NATS))

    def nats(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Nats and tokens of each text, (n_docs,) float64 and int64; 0 for an empty text. A beginning-of-text token is not counted."""
        import torch

        if not texts:
            return np.zeros(0), np.zeros(0, np.int64)
        self._warn_of_lost_text(texts)
        encoded = self._tokenizer(texts, add_special_tokens=False, split_special_tokens=True, verbose=False).input_ids
        tokens = [np.array([*self._start, *ids], np.int64) for ids in encoded]
        nats = np.zeros(len(texts)) if self._start else np.array([math.log(len(self._tokenizer)) if len(ids) else 0.0 for ids in tokens])
        ordered = sorted(
            windows([len(ids) for ids in tokens], self._context, self._stride), key=lambda window: (window.start - window.stop, window.document, window.start)
        )
        with torch.inference_mode():
            for batch in _batches(ordered, self._batch_tokens):
                np.add.at(nats, *self._score(tokens, batch))
        return nats, np.array([len(ids) for ids in encoded], np.int64)

    def _warn_of_lost_text(self, texts: list[str]) -> None:
        """Warn once if the tokenizer loses text of the first documents: what is lost costs nothing, so such documents look easy."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if not self._is_checked and backend is not None and (words := loss_words(round_trip_of(backend), texts)):
            logging.warning("causal model %s: its tokenizer %s, which cost no bits: scores of such documents are too low", self._path, words)
        self._is_checked = True

    def _score(self, tokens: list[np.ndarray], batch: list[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Document, (n,) int64, and nats, (n,) float64, of each token that a batch of windows newly predicts."""
        import torch

        longest = max(window.stop - window.start for window in batch)
        inputs = np.zeros((len(batch), longest), np.int64)  # (B, L), padded on the right, where causal attention does not see it
        targets = np.zeros((len(batch), longest), np.int64)
        documents = np.full((len(batch), longest), -1, np.int64)  # -1: not newly predicted
        for row, (document, start, stop, first) in enumerate(batch):
            inputs[row, : stop - start] = tokens[document][start:stop]
            targets[row, : stop - start] = tokens[document][start + 1 : stop + 1]
            documents[row, first - 1 - start : stop - start] = document
        device = self._model.device
        logits = self._model(input_ids=torch.from_numpy(inputs).to(device), use_cache=False).logits.flatten(0, 1)  # (B L, V)
        predicted = np.flatnonzero(documents >= 0)
        labels, rows = torch.from_numpy(targets.ravel()[predicted]).to(device), torch.from_numpy(predicted).to(device)
        size = max(_LOGITS_AT_ONCE // logits.shape[1], 1)
        slices = [slice(start, start + size) for start in range(0, len(predicted), size)]
        nats = [torch.nn.functional.cross_entropy(logits[rows[part]].float(), labels[part], reduction="none") for part in slices]
        return documents.ravel()[predicted], torch.cat(nats).double().cpu().numpy()


@lru_cache(maxsize=2)
def load_causal(recipe: CausalRecipe) -> CausalScorer:
    """The model of a recipe, loaded once per process."""
    return CausalScorer(recipe)


def causal_files(recipe: CausalRecipe) -> list[Path]:
    """Weights, configuration and tokenizer files of the model's folder. Raises CurateError if it has no config.json."""
    folder = Path(recipe.path)
    if not (folder / "config.json").is_file():
        raise CurateError(f"causal model {recipe.path}: no config.json in it; give the folder of a Hugging Face model")
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors", ".bin", ".model"))


def _batches(ordered: list[Window], batch_tokens: int) -> Iterator[list[Window]]:
    first = 0
    while first < len(ordered):
        size = max(batch_tokens // (ordered[first].stop - ordered[first].start), 1)
        yield ordered[first : first + size]
        first += size


def _head(text: str, n_bytes: int | None) -> str:
    """The first characters of a text, as many as fit into `n_bytes` of UTF-8."""
    return text if n_bytes is None else text.encode()[:n_bytes].decode(errors="ignore")


def _require_packages() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise CurateError(f"causal models need torch and transformers ({error.name} is missing): pip install 'cptkit[train]'") from None
    return torch, transformers
