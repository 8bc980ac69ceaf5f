"""Gives each document of a packed batch the rotary frequencies that it would have alone.

longrope (arXiv 2402.13753; Phi-3, Phi-4-mini) has one set of frequencies for short and one for long sequences. Dynamic NTK makes a set for each length
beyond the model's own. transformers chooses the set from the largest position of the whole batch, so one long document would change the embeddings
of all others. A hook on the rotary module calls it once for each set, with the positions of the documents that need it, and takes each token's embedding
from the call for its document. The frequencies themselves remain transformers' own.
"""

from typing import Any

import torch
from torch import Tensor, nn

from train.errors import TrainError

_BY_LENGTH = ("longrope", "dynamic")
_ENABLED = "frequencies_by_document"


def separate_documents(network: nn.Module) -> None:
    """Install the hook on each rotary module of `network` whose frequencies depend on the sequence's length."""
    for module in rotary_modules(network):
        if set(rope_types(module).values()) & set(_BY_LENGTH):
            setattr(module, _ENABLED, True)
            module.register_forward_hook(_embed_by_document, with_kwargs=True)


def treat_batch_as_one_sequence(network: nn.Module, whole: bool) -> None:
    """Let transformers choose one set of frequencies for the whole batch, as it does without the hook; or, with `whole` false, one for each document."""
    for module in rotary_modules(network):
        if hasattr(module, _ENABLED):
            _forget_longer_sequences(module)
            setattr(module, _ENABLED, not whole)


def use_one_set_of_frequencies(network: nn.Module) -> None:
    """Give all sequences the frequencies of short ones: for networks on device meta, whose positions have no values to choose by."""
    for module in rotary_modules(network):
        kinds = {layer_type: "default" if kind in _BY_LENGTH else kind for layer_type, kind in rope_types(module).items()}
        one_kind: Any = kinds.get(None)
        module.rope_type = one_kind or kinds  # type: ignore[assignment]


def rotary_modules(network: nn.Module) -> list[nn.Module]:
    """Modules of transformers that turn positions into rotary embeddings."""
    return [module for module in network.modules() if hasattr(module, "rope_type") and hasattr(module, "config")]


def rope_types(module: nn.Module) -> dict[str | None, str]:
    """Kind of RoPE by type of layer; the type is None where all layers of the network share one kind."""
    kinds: Any = module.rope_type
    return dict(kinds) if isinstance(kinds, dict) else {None: kinds}


def longest_short_sequences(network: nn.Module) -> set[int]:
    """For each rotary module whose frequencies depend on the sequence's length: the longest sequence that has the frequencies of short ones, in tokens."""
    return {_longest_short(module, layer_type) for module in rotary_modules(network) for layer_type, kind in rope_types(module).items() if kind in _BY_LENGTH}


def document_lengths(position_ids: Tensor) -> Tensor:
    """(n, L) int64: for each token, the number of tokens of its document. `position_ids` (n, L) count from 0 in each document."""
    positions = position_ids.flatten()
    document = (positions == 0).cumsum(0) - 1
    lengths = torch.zeros_like(positions).scatter_reduce(0, document, positions + 1, "amax")
    return lengths[document].view_as(position_ids)


def _embed_by_document(module: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any], embedded: Any) -> Any:
    """Forward hook: replaces the embeddings that the module made for the whole batch."""
    x, position_ids, layer_type = _arguments(*arguments, **options)
    kind = rope_types(module)[layer_type]
    if kind not in _BY_LENGTH or not getattr(module, _ENABLED):
        return embedded
    lengths, limit = document_lengths(position_ids), _longest_short(module, layer_type)
    of_layer = {} if layer_type is None else {"layer_type": layer_type}

    def embed(chosen: Tensor) -> Any:
        """Embeddings with the frequencies of the `chosen` (n, L) documents, which are right for those documents only."""
        return module.forward(x, position_ids.where(chosen, 0), **of_layer)

    _forget_longer_sequences(module)
    result = embed(lengths <= limit)
    for chosen in _long_documents(lengths, limit, each_length=kind == "dynamic"):
        result = _choose(chosen, embed(chosen), result)
    _forget_longer_sequences(module)
    return result


def _arguments(x: Tensor, position_ids: Tensor, layer_type: str | None = None) -> tuple[Tensor, Tensor, str | None]:
    """The arguments of a rotary module's forward, however they were passed."""
    return x, position_ids, layer_type


def _long_documents(lengths: Tensor, limit: int, *, each_length: bool) -> list[Tensor]:
    """Masks (n, L) of the tokens of documents above `limit`; with `each_length`, one for each length, ascending (this waits for the device)."""
    if not each_length:
        return [lengths > limit]
    return [lengths == length for length in lengths[lengths > limit].unique().tolist()]


def _choose(chosen: Tensor, embedded: Any, otherwise: Any) -> Any:
    """Embeddings (n, L, ...) where the mask (n, L) is true, else the other ones; both may be tuples of tensors (cosines and sines)."""
    if isinstance(embedded, tuple):
        return tuple(_choose(chosen, one, other) for one, other in zip(embedded, otherwise, strict=True))
    if embedded.shape[:2] != chosen.shape:
        raise TrainError(
            f"this architecture's rotary embeddings have the shape {tuple(embedded.shape)} instead of rows x tokens x size, so its frequencies cannot be "
            "chosen by document; train with rows that are not longer than the model's original context"
        )
    return torch.where(chosen.view(*chosen.shape, *[1] * (embedded.ndim - 2)), embedded, otherwise)


def _longest_short(module: nn.Module, layer_type: str | None) -> int:
    config: Any = module.config
    if rope_types(module)[layer_type] == "dynamic":
        return int(config.max_position_embeddings)
    parameters = config.rope_parameters if layer_type is None else config.rope_parameters[layer_type]
    return int(parameters["original_max_position_embeddings"])


def _forget_longer_sequences(module: nn.Module) -> None:
    """Undo what the module keeps of dynamic NTK's longest sequence: a shorter long sequence would get the longer one's frequencies."""
    for layer_type, kind in rope_types(module).items():
        if kind != "dynamic":
            continue
        prefix = "" if layer_type is None else f"{layer_type}_"
        frequencies = getattr(module, f"{prefix}inv_freq")
        frequencies_of_short = getattr(module, f"{prefix}original_inv_freq").to(frequencies.device)
        module.register_buffer(f"{prefix}inv_freq", frequencies_of_short, persistent=False)
        setattr(module, f"{prefix}max_seq_len_cached", module.original_max_seq_len)
