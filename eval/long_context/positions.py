"""Nats per token by position: how much a model gains from the tokens that lie far back.

Each document is scored in one window from its beginning, so the token at index t is predicted from all t tokens before it (with the beginning-of-text
token, where there is one). Perplexity by position is the usual check of extended context (YaRN, arXiv 2309.00071, measures it by window length).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from eval.score.nats import token_nats


def nats_by_context(
    model: Any, sequences: Sequence[np.ndarray], bounds: Sequence[int], batch_tokens: int, advance: Callable[[int], None] = lambda n_tokens: None
) -> tuple[np.ndarray, np.ndarray]:
    """Nats and numbers of the tokens of each document by the number of tokens before them, `(n_docs, n_buckets)` float64 and int64.

    `sequences` holds `(n_tokens,) int64` per document, with the special token in front. Bucket i holds the tokens with more than `bounds[i - 1]` (or 0)
    and at most `bounds[i]` tokens before them. A window longer than `batch_tokens` is computed in parts, each of which sees those before it in the
    model's cache.
    """
    nats, counts = np.zeros((len(sequences), len(bounds))), np.zeros((len(sequences), len(bounds)), np.int64)
    for number, ids in enumerate(sequences):
        window = ids[: bounds[-1] + 1]
        values = token_nats_of(model, window, batch_tokens)
        buckets = np.searchsorted(bounds, np.arange(1, len(window)))
        nats[number] = np.bincount(buckets, values, len(bounds))
        counts[number] = np.bincount(buckets, minlength=len(bounds))
        advance(len(values))
    return nats, counts


def token_nats_of(model: Any, ids: np.ndarray, batch_tokens: int) -> np.ndarray:
    """(n_tokens - 1,) float64: nats of each token of `ids` (n_tokens,) but the first, given all tokens before it."""
    inputs = torch.from_numpy(ids[:-1]).to(model.device)
    targets = torch.from_numpy(ids[1:]).to(model.device)
    parts: list[torch.Tensor] = []
    cache = None
    with torch.inference_mode():
        for first in range(0, len(inputs), batch_tokens):
            part = slice(first, first + batch_tokens)
            output = model(input_ids=inputs[None, part], past_key_values=cache, use_cache=len(inputs) > batch_tokens)
            cache = output.past_key_values if len(inputs) > batch_tokens else None
            parts.append(token_nats(output.logits[0], torch.arange(len(targets[part]), device=model.device), targets[part]))
    return torch.cat(parts).double().cpu().numpy()
