"""Bits per byte on held-out documents during training, with the model of the training step and rows packed like its rows."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from eval.bits import bits_per_byte, document_nats
from shards.held_out import DomainRecipe, sample_of
from shards.round_trip import loss_words, round_trip_of
from train.batch import make_batches
from train.devices.world import World
from train.documents import MAX_BYTES, MAX_DOCUMENTS, as_rows, cut, encode, load_tokenizer
from train.errors import TrainError
from train.model import CausalModel


class Validation:
    """Held-out documents of some domains, tokenised and packed once.

    A document longer than a row is cut into pieces that overlap by one token, so that each token but the first is predicted once. The first token
    is predicted only if the tokenizer puts a begin token in front. All bytes count. Each process scores its share of the rows.
    """

    def __init__(self, domains: Mapping[str, DomainRecipe], tokenizer: Path, row_tokens: int, world: World, micro_batch_rows: int) -> None:
        self._names = list(domains)
        pieces: list[tuple[int, np.ndarray]] = []
        self._n_bytes = []
        for number, (name, domain) in enumerate(domains.items()):
            sample = sample_of(domain, MAX_DOCUMENTS, MAX_BYTES)
            if not len(sample):
                raise TrainError(f"evaluate.domains.{name}: {domain.documents} holds no documents with text")
            self._n_bytes.append(int(sample.n_bytes.sum()))
            if world.rank == 0 and (words := loss_words(round_trip_of(load_tokenizer(tokenizer)), sample.texts)):
                logging.warning("evaluate.domains.%s: the tokenizer %s, which cost no bits: bits per byte are too low", name, words)
            pieces += [(number, piece) for ids in encode(tokenizer, sample.texts) for piece in cut(ids, row_tokens)]
        rows = pack(pieces, row_tokens)
        rows += [[]] * (-len(rows) % world.size)  # the same number for each process: a sharded model computes only if all processes do
        self._world, mine = world, rows[world.rank :: world.size]
        parts = [mine[first : first + micro_batch_rows] for first in range(0, len(mine), micro_batch_rows)]
        self._batches, _ = make_batches([as_rows(part, row_tokens) for part in parts], len(domains))

    @torch.no_grad()
    def bits_per_byte(self, model: CausalModel) -> dict[str, float]:
        """Bits per byte of each domain under the current model. Every process must call this."""
        device = model.device
        nats = torch.zeros(len(self._names), dtype=torch.float64, device=device)
        for batch in self._batches:
            on_device = batch.to(device)
            nats += document_nats(model.nats(on_device), on_device.sources.flatten(), len(self._names))
        self._world.sum(nats)
        return {name: bits_per_byte(total, n_bytes) for name, total, n_bytes in zip(self._names, nats.tolist(), self._n_bytes, strict=True)}


def pack(pieces: list[tuple[int, np.ndarray]], row_tokens: int) -> list[list[tuple[int, np.ndarray]]]:
    """Fill rows with pieces in the given order; start a new row when the next piece does not fit."""
    rows: list[list[tuple[int, np.ndarray]]] = [[]]
    for piece in pieces:
        if sum(len(ids) for _, ids in rows[-1]) + len(piece[1]) > row_tokens:
            rows.append([])
        rows[-1].append(piece)
    return rows
