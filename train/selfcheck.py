"""Checks at every start that the model computes what the loop expects.

Libraries may change how masks, positions and heads are built without raising an error. So a packed row of three short documents is run first:
changing one document must not move any hidden state of the others, and each document must have the loss that the model computes for that document
alone with transformers' own attention and head.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train import attention
from train.batch import BatchRows, MicroBatch, make_batch
from train.errors import TrainError
from train.loss.head import IGNORED
from train.model import CausalModel

_LENGTHS = (13, 1, 21)
_PADDING = 5
_SEED = 20240229
# Shares of the largest hidden state or loss. Other documents pass through the same kernel calls, so only a leak moves them; the reference
# compares two kernels, whose results differ by rounding at each layer.
_LEAK_TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
_REFERENCE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}


@torch.no_grad()
def check_model(model: CausalModel) -> None:
    """Raise TrainError if documents of a row see each other, or if losses differ from those of the model's own forward pass."""
    ids = np.random.default_rng(_SEED).integers(0, model.n_vocab, sum(_LENGTHS))
    try:
        check_isolation(model, ids)
        check_reference(model, ids)
    except torch.OutOfMemoryError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise TrainError(
            f"self-check: {type(model.network).__name__} fails on a packed row ({type(error).__name__}: {' '.join(str(error).split())[:300]}); "
            "this architecture cannot be trained"
        ) from error


def check_isolation(model: CausalModel, ids: np.ndarray) -> None:
    """Change the first document and compare the hidden states of the others; then do the same with the last. `ids` (35,) token ids."""
    n_vocab = model.n_vocab
    before = model.hidden_states(_batch(model, ids))[: len(ids)]
    allowed = _LEAK_TOLERANCE[before.dtype] * float(before.abs().max())
    for first, length in ((0, _LENGTHS[0]), (sum(_LENGTHS[:-1]), _LENGTHS[-1])):
        changed = ids.copy()
        changed[first : first + length] = (changed[first : first + length] + 1) % n_vocab
        moved = (model.hidden_states(_batch(model, changed))[: len(ids)] - before).abs().amax(dim=-1)
        inside = torch.zeros(len(ids), dtype=torch.bool, device=moved.device)
        inside[first : first + length] = True
        if float(moved[~inside].max()) > allowed:
            raise TrainError(
                f"self-check: a change in one document of a packed row moved another document's hidden states by {float(moved[~inside].max()):.3g} "
                f"(allowed {allowed:.3g}), so documents see each other; this architecture cannot be trained with document_mask: true"
            )


def check_reference(model: CausalModel, ids: np.ndarray) -> None:
    """Compare each document's loss in the packed row with the model's own forward pass on that document alone. `ids` (35,) token ids."""
    batch = _batch(model, ids)
    packed, dtype = model.nats(batch)[: len(ids)], model.hidden_states(batch).dtype
    ends = np.cumsum(_LENGTHS)
    with _own_attention(model):
        for first, stop in zip(ends - _LENGTHS, ends, strict=True):
            alone = _own_nats(model, ids[first:stop])
            difference = float((packed[first:stop] - alone).abs().max())
            allowed = _REFERENCE_TOLERANCE[dtype] * max(1.0, float(alone.abs().max()))
            if not difference <= allowed:
                raise TrainError(
                    f"self-check: the loss of a token differs by {difference:.3g} nats (allowed {allowed:.3g}) from that of "
                    f"{type(model.network).__name__}'s own forward pass; the trainer does not know this architecture's attention or output head"
                )


def _batch(model: CausalModel, ids: np.ndarray) -> MicroBatch:
    row = np.concatenate([ids, np.zeros(_PADDING, dtype=ids.dtype)])[None]
    n_segments = len(_LENGTHS)
    rows = BatchRows(row, np.array([0, n_segments]), np.array(_LENGTHS), np.zeros(n_segments, dtype=np.int16), np.array([len(ids)]))
    return make_batch(rows, 1).to(model.device)


def _own_nats(model: CausalModel, ids: np.ndarray) -> Tensor:
    """(n,) nats of each next token of one document; 0 for its last token."""
    tokens = torch.from_numpy(ids).to(model.device)
    logits = model.own_logits(tokens[None])[0].float()
    targets = torch.cat([tokens[1:], tokens.new_full((1,), IGNORED)])
    return F.cross_entropy(logits, targets, reduction="none", ignore_index=IGNORED)


class _own_attention:
    """Context in which the model runs transformers' plain attention."""

    def __init__(self, model: CausalModel) -> None:
        self._network = model.network

    def __enter__(self) -> None:
        self._network.set_attn_implementation("eager")

    def __exit__(self, *_: object) -> None:
        self._network.set_attn_implementation(attention.NAME)
