"""Bits per byte of right answers during training: tasks of a few hundred items whose score moves long before accuracy does.

The right answer of each item is scored after its context, as in lm-evaluation-harness: blanks at the end of the context belong to the answer, context
and answer are tokenised together, and a context that is too long loses its beginning. An item is one document of a packed row, of which only the tokens
of the answer are targets.
"""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from eval.bits import document_nats, mean_bits_per_byte
from shards.items import TextItem, read_items, split_pair
from train.batch import MicroBatch, make_batches
from train.devices.world import World
from train.documents import as_rows, load_tokenizer
from train.errors import TrainError
from train.loss.head import IGNORED
from train.model import CausalModel
from train.watch.validate import pack

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_ITEMS = 500
"""Items of a task that are scored, those that come first."""


class _Piece(NamedTuple):
    """Token ids of an item, and the index of the first that belongs to its answer (at least 1)."""

    ids: np.ndarray
    first: int


class AnswerBits:
    """Items of some tasks (name → file, see `shards.items`), tokenised and packed once. Each process scores its share of the rows."""

    def __init__(self, tasks: Mapping[str, Path], base: Path, row_tokens: int, world: World, micro_batch_rows: int) -> None:
        self._world = world
        encoder, pieces = _PairEncoder(base), list[_Piece]()
        self._items: dict[str, slice] = {}
        n_bytes: list[int] = []
        for name, path in tasks.items():
            items = read_items(path, error=TrainError)[:MAX_ITEMS]
            pieces += _fitted(name, path, [(item, encoder(item)) for item in items], row_tokens)
            self._items[name] = slice(len(n_bytes), len(n_bytes) + len(items))
            n_bytes += [len(item.answer.encode()) for item in items]
        self._n_bytes = torch.tensor(n_bytes)
        rows = pack([(number, piece.ids) for number, piece in enumerate(pieces)], row_tokens)
        rows += [[]] * (-len(rows) % world.size)  # the same number for each process: a sharded model computes only if all processes do
        mine = rows[world.rank :: world.size]
        parts = [mine[start : start + micro_batch_rows] for start in range(0, len(mine), micro_batch_rows)]
        batches, _ = make_batches([as_rows(part, row_tokens) for part in parts], len(pieces))
        firsts = np.array([piece.first for piece in pieces])
        self._batches = [_of_answers(batch, firsts) for batch in batches]

    @torch.no_grad()
    def mean_bits(self, model: CausalModel) -> dict[str, float]:
        """Mean over the items of each task of the bits per byte of the right answer, under the current model. Every process must call this."""
        nats = torch.zeros(len(self._n_bytes), dtype=torch.float64, device=model.device)
        for batch in self._batches:
            on_device = batch.to(model.device)
            nats += document_nats(model.nats(on_device), on_device.sources.flatten(), len(nats))
        on_host = self._world.sum(nats).cpu()
        return {name: mean_bits_per_byte(on_host[items], self._n_bytes[items]) for name, items in self._items.items()}


class _PairEncoder:
    """Encodes the context and the right answer of an item with the tokenizer of a model's folder."""

    def __init__(self, base: Path) -> None:
        self._tokenizer = load_tokenizer(base)
        self._start = self._tokenizer.encode("").ids[:1]
        self._base = base

    def __call__(self, item: TextItem) -> _Piece:
        context, answer = split_pair(item.context, item.answer)
        if not context:
            start = self._start or [_first_token(self._base, self._tokenizer)]
            return _Piece(np.array(start + self._ids(answer), dtype=np.int64), len(start))
        whole, n_context = self._start + self._ids(context + answer), len(self._start) + len(self._ids(context))
        if not 1 <= n_context < len(whole):
            raise TrainError(f"item {item.id}: the tokenizer leaves no token for its answer {item.answer!r}; end the context before a word, not within one")
        return _Piece(np.array(whole, dtype=np.int64), n_context)

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids


def _first_token(base: Path, tokenizer: "Tokenizer") -> int:
    """The token that an answer without context follows, where the tokenizer puts none in front: beginning of text, else end of text; as the tokenizer's
    configuration names them, else the model's."""
    names = _json(base / "tokenizer_config.json")
    for name in ("bos_token", "eos_token"):
        text = names[name]["content"] if isinstance(names.get(name), dict) else names.get(name)
        if isinstance(text, str) and (token := tokenizer.token_to_id(text)) is not None:
            return token
    config = _json(base / "config.json")
    for name in ("bos_token_id", "eos_token_id"):
        value = config.get("text_config", config).get(name)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, int):
            return first
    raise TrainError(f"{base}: names no token that begins or ends a text, which an item without context needs; give its items a context")


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def _fitted(name: str, path: Path, items: list[tuple[TextItem, _Piece]], row_tokens: int) -> list[_Piece]:
    """The pieces with contexts cut at their beginning so that each fits a row. Raises TrainError for an answer that does not fit."""
    fitted, n_cut = [], 0
    for item, (ids, first) in items:
        surplus = max(len(ids) - row_tokens, 0)
        if first - surplus < 1:
            tokens = len(ids) - first
            raise TrainError(f"evaluate.tasks.{name}: {path}, item {item.id}: its answer has {tokens} tokens, rows have {row_tokens}; remove it")
        n_cut += surplus > 0
        fitted.append(_Piece(ids[surplus:], first - surplus))
    if n_cut:
        logging.warning("evaluate.tasks.%s: %d of %d contexts are longer than a row of %s tokens and lose their beginning", name, n_cut, len(items), row_tokens)
    return fitted


def _of_answers(batch: MicroBatch, firsts: np.ndarray) -> MicroBatch:
    """The batch with targets only where an answer is predicted. The source of a token is the number of its item, whose answer begins at token
    `firsts (n_items,)`."""
    begins = torch.from_numpy(firsts)[batch.sources]
    targets = torch.where(batch.position_ids >= begins - 1, batch.targets, IGNORED)
    counts = np.bincount(batch.sources[targets != IGNORED].numpy(), minlength=len(firsts))
    return dataclasses.replace(batch, targets=targets, targets_by_source=counts)
