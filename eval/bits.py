"""Converts nats per token to nats per document and bits per byte of UTF-8 text, which do not depend on the tokenizer."""

import math

import torch


def document_nats(token_nats: torch.Tensor, documents: torch.Tensor, n_documents: int) -> torch.Tensor:
    """Sum `token_nats (n,)` by `documents (n,) int64` into `(n_documents,) float64`; documents without tokens get 0.

    Special tokens have no bytes, so omit them from `token_nats` if the sum is used for bits per byte.
    """
    sums = torch.zeros(n_documents, dtype=torch.float64, device=token_nats.device)
    return sums.index_add_(0, documents, token_nats.to(torch.float64))


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Bits per UTF-8 byte of a text with `nats`; NaN for 0 bytes."""
    return nats / n_bytes / math.log(2) if n_bytes else math.nan


def mean_bits_per_byte(nats: torch.Tensor, n_bytes: torch.Tensor) -> float:
    """Mean over items of the bits per UTF-8 byte of their right answers, from `nats (n,)` and `n_bytes (n,)`: every item counts once, as in OLMES
    (arXiv 2406.08446). NaN for no items."""
    return float((nats.double() / n_bytes.double()).mean()) / math.log(2)
