"""Bits per byte on held-out documents during training, with the model of the training step and rows packed like its rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from eval.bits import bits_per_byte, document_nats
from shards.held_out import DomainRecipe, sample_of
from train.batch import BatchRows, make_batch
from train.errors import TrainError
from train.model import CausalModel
from train.world import World

MAX_DOCUMENTS, MAX_BYTES = 200, 20_000
"""Default limits for each domain and for each of its documents: some seconds on a GPU, independent of the size of the set."""


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
            pieces += [(number, piece) for ids in _encode(tokenizer, sample.texts) for piece in _pieces(ids, row_tokens)]
        rows = _pack(pieces, row_tokens)
        rows += [[]] * (-len(rows) % world.size)  # the same number for each process: a sharded model computes only if all processes do
        self._world, mine = world, rows[world.rank :: world.size]
        parts = [mine[first : first + micro_batch_rows] for first in range(0, len(mine), micro_batch_rows)]
        self._batches = [make_batch(_as_rows(part, row_tokens), len(domains)) for part in parts]

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


def _encode(tokenizer: Path, texts: list[str]) -> Iterable[np.ndarray]:
    """(n_tokens,) int64 ids of each text; text that spells a special token is encoded as text."""
    from tokenizers import Tokenizer

    file = tokenizer / "tokenizer.json"
    if not file.exists():
        raise TrainError(f"evaluate: {tokenizer} has no tokenizer.json to encode held-out documents with; put the mix's tokenizer into the model folder")
    encoder = Tokenizer.from_file(str(file))
    encoder.no_truncation()
    encoder.no_padding()
    start = encoder.encode("").ids[:1]
    encoder.encode_special_tokens = True
    for encoding in encoder.encode_batch(texts, add_special_tokens=False):
        yield np.array(start + encoding.ids, dtype=np.int64)


def _pieces(ids: np.ndarray, row_tokens: int) -> list[np.ndarray]:
    return [ids[start : start + row_tokens] for start in range(0, max(1, len(ids) - 1), row_tokens - 1)]


def _pack(pieces: list[tuple[int, np.ndarray]], row_tokens: int) -> list[list[tuple[int, np.ndarray]]]:
    """Fill rows with pieces in the given order; start a new row when the next piece does not fit."""
    rows: list[list[tuple[int, np.ndarray]]] = [[]]
    for piece in pieces:
        if sum(len(ids) for _, ids in rows[-1]) + len(piece[1]) > row_tokens:
            rows.append([])
        rows[-1].append(piece)
    return rows


def _as_rows(rows: list[list[tuple[int, np.ndarray]]], row_tokens: int) -> BatchRows:
    input_ids = np.zeros((len(rows), row_tokens), dtype=np.int64)
    n_tokens = np.array([sum(len(ids) for _, ids in row) for row in rows])
    for number, row in enumerate(rows):
        input_ids[number, : n_tokens[number]] = np.concatenate([np.zeros(0, dtype=np.int64), *(ids for _, ids in row)])
    segments = [piece for row in rows for piece in row]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    lengths, domains = (np.array(values, dtype=np.int64) for values in ([len(ids) for _, ids in segments], [domain for domain, _ in segments]))
    return BatchRows(input_ids, offsets, lengths, domains, n_tokens)
