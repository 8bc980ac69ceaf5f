"""Nats of documents under a causal language model.

Every token of the text counts, but no special token. A document starts with the tokenizer's beginning-of-text token
if there is one. Without it, models never learn to predict a first token, so it costs ln(vocabulary size) nats
under every model; nats are then still a code length of the whole text. The end-of-text token is not scored.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from eval.bits import document_nats
from eval.score.windows import ScoringWindow, batches, document_windows

_LOGITS_AT_ONCE = 1 << 23


def score_documents(
    model: Any,
    tokens: Sequence[np.ndarray],
    *,
    bos_id: int | None,
    n_vocab: int,
    context_tokens: int,
    stride_tokens: int,
    batch_tokens: int,
    advance: Callable[[int], None] = lambda n_tokens: None,
) -> np.ndarray:
    """Nats of each document, `(n_docs,) float64`; `tokens` holds `(n_tokens,) int64` per document. Computes on the model's device.

    `advance` is called after every batch with the number of predicted tokens. The result depends on `batch_tokens` only by rounding.
    """
    start = [] if bos_id is None else [bos_id]
    sequences = [np.concatenate([np.array(start, np.int64), ids]) for ids in tokens]
    windows = [window for number, ids in enumerate(sequences) for window in document_windows(number, len(ids), context_tokens, stride_tokens)]
    nats = torch.zeros(len(sequences), dtype=torch.float64)
    with torch.inference_mode():
        for batch in batches(windows, batch_tokens):
            token_nats, documents = _score_batch(model, sequences, batch)
            nats += document_nats(token_nats, documents, len(sequences)).cpu()
            advance(len(token_nats))
    if bos_id is None:
        nats += torch.tensor([math.log(n_vocab) if len(ids) else 0.0 for ids in tokens], dtype=torch.float64)
    return nats.numpy()


def _score_batch(model: Any, sequences: list[np.ndarray], batch: list[ScoringWindow]) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats (float32) and document indices (int64) of the new tokens of a batch of windows."""
    length = max(window.stop - window.start for window in batch)
    inputs = np.zeros((len(batch), length), np.int64)  # (B, L), padded on the right, which causal attention never sees
    targets = np.zeros((len(batch), length), np.int64)
    documents = np.full((len(batch), length), -1, np.int64)  # -1: not a new token
    for row, (document, start, stop, first) in enumerate(batch):
        inputs[row, : stop - start] = sequences[document][start:stop]
        targets[row, : stop - start] = sequences[document][start + 1 : stop + 1]
        documents[row, first - 1 - start : stop - start] = document
    device = model.device
    logits = model(input_ids=torch.from_numpy(inputs).to(device), use_cache=False).logits  # (B, L, V)
    new = np.flatnonzero(documents >= 0)
    new_targets, new_documents = (torch.from_numpy(array.ravel()[new]).to(device) for array in (targets, documents))
    return token_nats(logits.flatten(0, 1), torch.from_numpy(new).to(device), new_targets), new_documents


def token_nats(logits: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """−ln softmax of the rows `rows (n,) int64` of `logits (m, V)` at `targets (n,) int64`: `(n,) float32`.

    Processes slices of rows, so that no full-size float32 copy is made.
    """
    at_once = max(_LOGITS_AT_ONCE // logits.shape[1], 1)
    slices = [slice(start, start + at_once) for start in range(0, len(rows), at_once)]
    return torch.cat([torch.nn.functional.cross_entropy(logits[rows[part]].float(), targets[part], reduction="none") for part in slices])
