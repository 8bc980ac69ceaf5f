"""Nats of documents under a causal language model.

Every token of the text counts, but no special token. A document starts with the tokenizer's beginning-of-text token
if there is one. Without it, models never learn to predict a first token, so it costs ln(vocabulary size) nats
under every model; nats are then still a code length of the whole text. The end-of-text token is not scored.

Some models predict badly unless their input begins with the beginning-of-text token. For them, it is put before every window of a long document.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from eval.bits import document_nats
from eval.score.windows import ScoringWindow, batches, document_windows

_LOGITS_AT_ONCE = 1 << 23


class DocumentNats(NamedTuple):
    """Nats of all tokens of each document, and of its first token alone: `(n_docs,) float64` each."""

    nats: np.ndarray
    first: np.ndarray


def score_documents(
    model: Any,
    tokens: Sequence[np.ndarray],
    *,
    bos_id: int | None,
    n_vocab: int,
    context_tokens: int,
    stride_tokens: int,
    batch_tokens: int,
    bos_every_window: bool = False,
    advance: Callable[[int], None] = lambda n_tokens: None,
) -> DocumentNats:
    """Nats of documents whose tokens are `(n_tokens,) int64` each. Computes on the model's device.

    `bos_every_window` puts `bos_id`, which must then be given, before every window instead of only before the document. `advance` is called after
    every batch with the number of predicted tokens. The result depends on `batch_tokens` only by rounding.
    """
    start = [] if bos_id is None else [bos_id]
    sequences = [np.concatenate([np.array(start, np.int64), ids]) for ids in tokens]
    windows = [
        window
        for number, ids in enumerate(sequences)
        for window in document_windows(number, len(ids), context_tokens, stride_tokens, bos_again=bos_every_window)
    ]
    nats, first = (torch.zeros(len(sequences), dtype=torch.float64) for _ in range(2))
    with torch.inference_mode():
        for batch in batches(windows, batch_tokens):
            predicted, documents, targets = _score_batch(model, sequences, batch, bos_id)
            is_first = targets == 1 if bos_id is not None else torch.zeros_like(targets, dtype=torch.bool)
            nats += document_nats(predicted, documents, len(sequences)).cpu()
            first += document_nats(predicted[is_first], documents[is_first], len(sequences)).cpu()
            advance(len(predicted))
    if bos_id is None:
        first = torch.tensor([math.log(n_vocab) if len(ids) else 0.0 for ids in tokens], dtype=torch.float64)
        nats += first
    return DocumentNats(nats.numpy(), first.numpy())


def _score_batch(model: Any, sequences: list[np.ndarray], batch: list[ScoringWindow], bos_id: int | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the new tokens of a batch of windows: nats (float32), document and position in its sequence (int64)."""
    length = max(window.n_inputs for window in batch)
    inputs = np.zeros((len(batch), length), np.int64)  # (B, L), padded on the right, which causal attention never sees
    targets = np.zeros((len(batch), length), np.int64)
    documents = np.full((len(batch), length), -1, np.int64)  # -1: not a new token
    positions = np.zeros((len(batch), length), np.int64)
    for row, window in enumerate(batch):
        document, start, stop, first, after_bos = window
        inputs[row, 0] = bos_id or 0  # replaced, unless the window has a beginning-of-text token of its own
        new = slice(first - 1 - start + after_bos, window.n_inputs)
        inputs[row, after_bos : window.n_inputs] = sequences[document][start:stop]
        targets[row, new] = sequences[document][first : stop + 1]
        positions[row, new] = np.arange(first, stop + 1)
        documents[row, new] = document
    device = model.device
    logits = model(input_ids=torch.from_numpy(inputs).to(device), use_cache=False).logits  # (B, L, V)
    new_tokens = np.flatnonzero(documents >= 0)
    new_targets, new_documents, new_positions = (torch.from_numpy(array.ravel()[new_tokens]).to(device) for array in (targets, documents, positions))
    return token_nats(logits.flatten(0, 1), torch.from_numpy(new_tokens).to(device), new_targets), new_documents, new_positions


def token_nats(logits: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """−ln softmax of the rows `rows (n,) int64` of `logits (m, V)` at `targets (n,) int64`: `(n,) float32`.

    Processes slices of rows, so that no full-size float32 copy is made.
    """
    at_once = max(_LOGITS_AT_ONCE // logits.shape[1], 1)
    slices = [slice(start, start + at_once) for start in range(0, len(rows), at_once)]
    return torch.cat([torch.nn.functional.cross_entropy(logits[rows[part]].float(), targets[part], reduction="none") for part in slices])
