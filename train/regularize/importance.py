"""How much old text needs each weight and each unit, estimated once from gradients of the base model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from shards import console
from shards.held_out import DomainRecipe, HeldOutSample, sample_of
from shards.record import json_hash
from train.batch import MicroBatch, make_batch
from train.documents import MAX_BYTES, MAX_DOCUMENTS, as_rows, cut, encode
from train.errors import TrainError
from train.model import CausalModel
from train.optimize.local import local, sum_over_shards, zeros_beside
from train.optimize.weights import TrainedWeights

Kind = Literal["fisher", "units"]

_EVERYTHING = slice(None)


def read_sample(sample: DomainRecipe) -> HeldOutSample:
    """The documents of the sample. Raises TrainError if it has none."""
    documents = sample_of(sample, MAX_DOCUMENTS, MAX_BYTES)
    if not len(documents):
        raise TrainError(f"regularize.sample: {sample.documents} holds no documents with text")
    return documents


def sample_hash(sample: DomainRecipe) -> str:
    """xxh3-128 of the sample's texts."""
    return json_hash(read_sample(sample).texts)


def sample_batches(sample: DomainRecipe, tokenizer: Path, row_tokens: int) -> list[MicroBatch]:
    """One batch for each document of at least two tokens: one row that holds the document alone, or a piece of it if it is longer than `row_tokens`."""
    pieces = [piece for ids in encode(tokenizer, read_sample(sample).texts) for piece in cut(ids, row_tokens) if len(piece) > 1]
    if not pieces:
        raise TrainError(f"regularize.sample: {sample.documents} holds no document of two tokens")
    return [_batch_of(piece) for piece in pieces]


def _batch_of(ids: np.ndarray) -> MicroBatch:
    return make_batch(as_rows([[(0, ids)]], len(ids)), 1)


def new_importance(weights: TrainedWeights, kinds: Sequence[Kind]) -> dict[str, Tensor]:
    """Zeros for the result of `estimate`, whole or sharded as the weights are.

    `fisher.NAME`: the shape of the weight, bfloat16 (its rounding of 0.4% is far below the sample's error). `units.NAME`: float32, the shape of the weight
    without its last axis, or of a vector itself; axes after the first are one.
    """
    tensors: dict[str, Tensor] = {}
    for name, master in weights.masters.items():
        if "fisher" in kinds:
            tensors[f"fisher.{name}"] = zeros_beside(master, torch.bfloat16)
        if "units" in kinds:
            tensors[f"units.{name}"] = zeros_beside(master, torch.float32, master.shape[1:-1].numel() if master.ndim > 1 else None)
    return tensors


def estimate(model: CausalModel, weights: TrainedWeights, batches: Sequence[MicroBatch], into: dict[str, Tensor]) -> None:
    """Fill the tensors of `new_importance` from one backward pass for each batch, a document. Every process of a sharded model takes the same batches.

    `fisher`: mean over documents of the squared gradient of a document's log-likelihood, divided by its mean over all weights. The labels are the
    document's own tokens (empirical Fisher). Documents are the examples, because squaring the gradient of each token would take a backward pass a token.
    `units`: mean over documents of |derivative of the document's nats by a factor on the unit|, which is |the sum of weight * gradient over the unit|.
    """
    sums = {name: torch.zeros_like(local(tensor), dtype=torch.float32) for name, tensor in into.items()}
    with console.progress("importance", len(batches)) as meter:
        for batch in batches:
            model.loss(batch.to(model.device)).total.backward()
            with torch.no_grad():
                for name, master in weights.masters.items():
                    if master.grad is not None:
                        _add(sums, name, weights.stores[name].read(_EVERYTHING), local(master.grad).float())
            weights.drop_gradients()
            meter.advance(1, pieces=1, tokens=batch.n_tokens)
    _normalise(sums, into, len(batches))


def _add(sums: dict[str, Tensor], name: str, weight: Tensor, gradient: Tensor) -> None:
    if f"fisher.{name}" in sums:
        sums[f"fisher.{name}"] += gradient.square()
    if f"units.{name}" in sums:
        of_units = weight * gradient if weight.ndim == 1 else (weight * gradient).sum(-1)
        sums[f"units.{name}"] += of_units.abs().view_as(sums[f"units.{name}"])


def _normalise(sums: dict[str, Tensor], into: dict[str, Tensor], n_documents: int) -> None:
    fisher = [name for name in sums if name.startswith("fisher.")]
    mean = torch.tensor(1.0)
    if fisher:
        total = sum_over_shards(torch.stack([sums[name].sum(dtype=torch.float64) for name in fisher]).sum(), into[fisher[0]])
        mean = (total / sum(into[name].numel() for name in fisher)).float()
        if not (mean.isfinite() and mean > 0):
            raise TrainError(f"regularize.sample: the mean squared gradient of the base model on it is {float(mean)}; give other text")
    for name, tensor in into.items():
        local(tensor).copy_(sums[name] / (mean if name in fisher else n_documents))
