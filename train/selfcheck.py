"""Checks at every start that the model computes what the loop expects.

Libraries may change how masks, positions and heads are built without raising an error. So a packed row of three short documents is run first:
changing one document must not move any hidden state of the others, and each document must have the loss that the model computes for that document
alone with transformers' own attention and head. A second row with a long document shows what short ones cannot: sliding windows, rotary frequencies that
depend on the length, and positions that are too large for the precision of rotary embeddings.

The cost is that of about four forward passes of one row of at most 4,096 tokens (more only if a window or a change of frequencies lies beyond): less than
that of training on two such rows.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train import attention
from train.batch import BatchRows, MicroBatch, make_batch
from train.diagnose import cause
from train.errors import TrainError
from train.loss.head import IGNORED
from train.model import CausalModel
from train.rope.by_document import longest_short_sequences, treat_batch_as_one_sequence
from train.rope.precision import largest_error

_LENGTHS = (13, 1, 21)
_PADDING = 5
_SEED = 20240229
# Shares of the largest hidden state or loss. Other documents pass through the same kernel calls, so only a leak moves them; the reference
# compares two kernels, whose results differ by rounding at each layer.
_LEAK_TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
_REFERENCE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}
_LONG_TOKENS = 4096
_BEYOND = 64
"""Tokens of the long document after the point where a window or a change of frequencies takes effect; its losses are averaged over as many tokens."""
_EAGER_SCORE_BYTES = 10
_EAGER_BYTES = 2**30
_ANGLE_TOLERANCE = 1e-2
"""Allowed error of a rotary cosine or sine: bfloat16 rounds to 4e-3, and TF32 is off by up to 1 at position 4,095."""


@torch.no_grad()
def check_model(model: CausalModel, row_tokens: int | None = None) -> None:
    """Raise TrainError if documents of a row see each other, if losses differ from those of the model's own forward pass, or if rotary embeddings are
    imprecise. `row_tokens`: longest row of the run; None: check short documents only."""
    rng = np.random.default_rng(_SEED)
    ids = rng.integers(0, model.n_vocab, sum(_LENGTHS))
    try:
        check_isolation(model, ids)
        check_reference(model, ids)
        if row_tokens is not None:
            check_rotary_precision(model, row_tokens)
            check_long_document(model, rng.integers(0, model.n_vocab, long_tokens(model, row_tokens)))
    except torch.OutOfMemoryError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _refusal(model, ids, f"its forward pass fails on a packed row ({type(error).__name__}: {' '.join(str(error).split())[:300]})") from error


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
            shown = f"a change in one document of a packed row moved the hidden states of another by {float(moved[~inside].max()):.3g} (allowed {allowed:.3g})"
            raise _refusal(model, ids, f"documents see each other: {shown}")


def check_reference(model: CausalModel, ids: np.ndarray) -> None:
    """Compare each document's loss in the packed row with the model's own forward pass on that document alone. `ids` (35,) token ids."""
    batch = _batch(model, ids)
    packed, dtype = model.nats(batch)[: len(ids)], model.hidden_states(batch).dtype
    ends = np.cumsum(_LENGTHS)
    with _own_forward(model, "eager"):
        for first, stop in zip(ends - _LENGTHS, ends, strict=True):
            alone = _own_nats(model, ids[first:stop])
            difference = float((packed[first:stop] - alone).abs().max())
            allowed = _reference_tolerance(dtype, model.device) * max(1.0, float(alone.abs().max()))
            if not difference <= allowed:
                shown = f"in a packed row, the loss of a token differs by {difference:.3g} nats (allowed {allowed:.3g}) from its own forward pass"
                raise _refusal(model, ids, f"the trainer does not know its attention or output head: {shown}")


def check_long_document(model: CausalModel, ids: np.ndarray) -> None:
    """Compare a row of a short and a long document with the model's own forward pass on each of them alone. `ids` (n,) token ids of the whole row.

    In half precision a mixture of experts may send a token elsewhere, so means over 64 tokens are compared. The model's own forward pass uses PyTorch's
    attention where it is exact, because transformers' eager attention needs the memory of the whole score matrix.
    """
    short = min(_LENGTHS[0], len(ids) // 2)
    batch = _batch(model, ids, (short, len(ids) - short), padding=0)
    packed, dtype = model.nats(batch), model.hidden_states(batch).dtype
    with _own_forward(model, "sdpa" if _has_exact_sdpa(model) else "eager"):
        for part in (slice(0, short), slice(short, len(ids))):
            alone = model.own_nats(batch.input_ids[:, part], batch.targets[:, part])
            difference = max(float(block.mean()) for block in (packed[part] - alone).abs().split(_BEYOND))
            allowed = _reference_tolerance(dtype, model.device) * max(1.0, float(alone.mean()))
            if not difference <= allowed:
                raise TrainError(
                    f"self-check: with a document of {len(ids) - short} tokens in the row, the losses of 64 tokens of a document differ by {difference:.3g} "
                    f"nats on average (allowed {allowed:.3g}) from those of {type(model.network).__name__}'s own forward pass; the trainer does not know "
                    "this architecture's positions or attention windows, so train with shorter rows or another model"
                )


def check_rotary_precision(model: CausalModel, row_tokens: int) -> None:
    """Compare the cosines and sines of the last positions of a row with those computed in full precision."""
    error = largest_error(model.network, row_tokens, model.device)
    if error > _ANGLE_TOLERANCE:
        raise TrainError(
            f"self-check: rotary embeddings are off by {error:.2g} near position {row_tokens - 1} (allowed {_ANGLE_TOLERANCE:.2g}), because their angles are "
            "computed in reduced precision; set tf32: false"
        )


def long_tokens(model: CausalModel, row_tokens: int) -> int:
    """Tokens of the row with the long document: enough to reach past every window and every change of frequencies that a row can reach, within a bounded
    memory."""
    limits = {limit for limit in (*attention.windows(model.network), *longest_short_sequences(model.network)) if limit is not None and limit < row_tokens}
    tokens = min(row_tokens, max([_LONG_TOKENS, *(limit + _LENGTHS[0] + _BEYOND for limit in limits)]))
    if _has_exact_sdpa(model):
        return tokens
    return min(tokens, math.isqrt(_EAGER_BYTES // (_EAGER_SCORE_BYTES * model.network.config.get_text_config().num_attention_heads)))


def _has_exact_sdpa(model: CausalModel) -> bool:
    """Whether transformers computes this network's attention with PyTorch's attention function; it leaves out soft caps and sinks there."""
    return bool(getattr(model.network, "_supports_sdpa", False)) and not attention.unusual_scores(model.network)


def _reference_tolerance(dtype: torch.dtype, device: torch.device) -> float:
    """TF32, which computes float32 products on CUDA, rounds like float16."""
    uses_tf32 = dtype == torch.float32 and device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
    return _REFERENCE_TOLERANCE[torch.float16 if uses_tf32 else dtype]


def _refusal(model: CausalModel, ids: np.ndarray, shown: str) -> TrainError:
    """The error of a failed check: its cause if that can be found, else what the check has `shown`."""
    return TrainError(f"self-check: {type(model.network).__name__} cannot be trained: {cause(model, _batch(model, ids)) or shown}; train another model")


def _batch(model: CausalModel, ids: np.ndarray, lengths: tuple[int, ...] = _LENGTHS, padding: int = _PADDING) -> MicroBatch:
    row = np.concatenate([ids, np.zeros(padding, dtype=ids.dtype)])[None]
    n_segments = len(lengths)
    rows = BatchRows(row, np.array([0, n_segments]), np.array(lengths), np.zeros(n_segments, dtype=np.int16), np.array([len(ids)]))
    return make_batch(rows, 1).to(model.device)


def _own_nats(model: CausalModel, ids: np.ndarray) -> Tensor:
    """(n,) nats of each next token of one document; 0 for its last token."""
    tokens = torch.from_numpy(ids).to(model.device)
    logits = model.own_logits(tokens[None])[0].float()
    targets = torch.cat([tokens[1:], tokens.new_full((1,), IGNORED)])
    return F.cross_entropy(logits, targets, reduction="none", ignore_index=IGNORED)


@contextmanager
def _own_forward(model: CausalModel, implementation: str) -> Iterator[None]:
    """Let the network compute as transformers does: with this attention implementation, and one set of rotary frequencies for the whole input."""
    model.network.set_attn_implementation(implementation)
    treat_batch_as_one_sequence(model.network, True)
    try:
        yield
    finally:
        treat_batch_as_one_sequence(model.network, False)
        model.network.set_attn_implementation(attention.NAME)
