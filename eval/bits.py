"""Nats per token to nats per document to bits per byte of UTF-8 text: units that no tokenizer changes."""

import math

import torch


def document_nats(token_nats: torch.Tensor, documents: torch.Tensor, n_documents: int) -> torch.Tensor:
    """Sum `token_nats (n,)` by `documents (n,) int64` into `(n_documents,) float64`; documents without tokens get 0.

    Special tokens carry no bytes, so leave them out of `token_nats` where the sum becomes bits per byte.
    """
    sums = torch.zeros(n_documents, dtype=torch.float64, device=token_nats.device)
    return sums.index_add_(0, documents, token_nats.to(torch.float64))


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Nats of a text divided by its UTF-8 bytes, in bits; NaN for no bytes."""
    return nats / n_bytes / math.log(2) if n_bytes else math.nan
