"""Finds out why an architecture cannot be trained on packed documents, for the message of a self-check that failed.

Each cause is a fact about the network: its configuration, its modules, the signature of its forward pass, or what a small forward pass does.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from train import attention
from train.adapt.parts import decoder_layers
from train.batch import MicroBatch
from train.errors import TrainError
from train.model import CausalModel

_EXACT_LAYERS = {"attention", "full_attention", "sliding_attention"}
"""Kinds of layers, in transformers' names, whose attention document attention computes."""
_WITHIN_TOKENS = {"mlp", "moe"}
_LINEAR = "linear_attention"
"""A kind of layer without a softmax over tokens."""
_PROBE_TOKENS = 8


def cause(model: CausalModel, batch: MicroBatch) -> str | None:
    """Why the network cannot compute each document of `batch` as if it were alone, as the end of a sentence about the network; None if unknown."""
    for find in (_other_attention, _other_mixers, _randomness, _encoder, _own_attention, _lost_boundaries, _positions):
        try:
            found = find(model, batch)
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TrainError, TypeError, ValueError):
            continue  # a network that fails in a probe may still show another cause
        if found is not None:
            return found
    return None


def _other_attention(model: CausalModel, batch: MicroBatch) -> str | None:
    """Chunks of Llama 4, selected keys of DeepSeek-V3.2 and others."""
    kinds = sorted(kind for kind in set(_layer_types(model)) - _EXACT_LAYERS if kind.endswith("_attention") and kind != _LINEAR)
    if not kinds:
        return None
    return f"some of its layers have a kind of attention that document attention does not compute ({', '.join(kinds)})"


def _other_mixers(model: CausalModel, batch: MicroBatch) -> str | None:
    """State spaces, recurrences, linear attention and convolutions carry one document into the next."""
    kinds = sorted(set(_layer_types(model)) - _EXACT_LAYERS - _WITHIN_TOKENS)
    kinds = kinds or sorted({type(parent).__name__ for layer in decoder_layers(model.network) for parent in layer.modules() if _has_convolution(parent)})
    if not kinds:
        return None
    return f"some of its layers mix tokens by other means than softmax attention ({', '.join(kinds)}), which carry one document of a row into the next"


def _has_convolution(module: nn.Module) -> bool:
    return any(isinstance(child, nn.Conv1d) and child.kernel_size[0] > 1 for child in module.children())


def _randomness(model: CausalModel, batch: MicroBatch) -> str | None:
    """Routers of some mixtures of experts draw random numbers while training."""
    first, second = (model.hidden_states(batch) for _ in range(2))
    if first.allclose(second, rtol=1e-3, atol=1e-4):
        return None
    return "in training mode it gives other results for the same batch each time (random routing or noise)"


def _encoder(model: CausalModel, batch: MicroBatch) -> str | None:
    """An encoder's tokens see later ones."""
    tokens = torch.arange(_PROBE_TOKENS, device=model.device)[None] % model.n_vocab
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % model.n_vocab
    with _eager(model):
        before, after = (model.own_logits(ids)[0, :-1] for ids in (tokens, changed))
    if before.allclose(after, rtol=1e-3, atol=1e-4):
        return None
    return "it is not a causal language model: in its own forward pass, tokens depend on later ones, as in an encoder"


def _own_attention(model: CausalModel, batch: MicroBatch) -> str | None:
    """Some architectures do not call transformers' attention functions."""
    if _attention_calls(model, batch):
        return None
    names = sorted({type(module).__name__ for layer in decoder_layers(model.network) for module in layer.modules() if "Attention" in type(module).__name__})
    if not names:
        return f"its layers ({type(decoder_layers(model.network)[0]).__name__}) have no attention, so they carry one document of a row into the next"
    return f"its attention ({', '.join(names)}) does not go through transformers' attention functions, which is where documents are kept apart"


def _lost_boundaries(model: CausalModel, batch: MicroBatch) -> str | None:
    """The boundaries of documents are an argument of the forward pass that every layer must hand on."""
    calls = _attention_calls(model, batch)
    if all("cu_seq_lens_q" in options for options in calls):
        return None
    return "its layers do not hand the boundaries of documents on to their attention (they drop additional arguments of the forward pass)"


def _positions(model: CausalModel, batch: MicroBatch) -> str | None:
    """Positions must begin anew in each document."""
    if "position_ids" in inspect.signature(model.network.base_model.forward).parameters:
        return None
    return "its forward pass takes no position_ids, so positions cannot begin anew in each document"


def _layer_types(model: CausalModel) -> list[str]:
    return list(getattr(model.network.config.get_text_config(), "layer_types", None) or [])


def _attention_calls(model: CausalModel, batch: MicroBatch) -> list[dict[str, Any]]:
    """Options of each call of the attention function in a forward pass, even if that fails."""
    from transformers import AttentionInterface

    calls: list[dict[str, Any]] = []

    def note(module: nn.Module, query: Tensor, *arguments: Any, **options: Any) -> tuple[Tensor, None]:
        calls.append(options)
        return attention.document_attention(module, query, *arguments, **options)

    AttentionInterface.register(attention.NAME, note)
    try:
        model.hidden_states(batch)
    except (AttributeError, IndexError, KeyError, RuntimeError, TrainError, TypeError, ValueError):
        if not calls:
            raise
    finally:
        attention.register()
    return calls


@contextmanager
def _eager(model: CausalModel) -> Iterator[None]:
    model.network.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.network.set_attn_implementation(attention.NAME)
