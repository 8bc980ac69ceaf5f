"""A Hugging Face causal language model, split into hidden states and output head; and how its folder is found and loaded."""

import json
import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from shards.atomic import file_checksum
from shards.record import json_hash
from train import attention
from train.adapt.parts import decoder_layers
from train.batch import MicroBatch
from train.errors import TrainError
from train.hub import fetch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import Head, LogitTransform, Loss
from train.loss.objective import Objective, Plain
from train.loss.router import RouterLoss
from train.neftune import EmbeddingNoise
from train.rope.by_document import separate_documents
from train.rope.extend import check_extended, extend_config
from train.rope.full_precision import compute_in_full_precision
from train.rope.recipe import RopeRecipe
from train.save.files import OTHER_FILES, TOKENIZER_FILES

UNLOADABLE = (ValueError, TypeError, KeyError, OSError, ImportError, StrictDataclassError)
"""Errors that transformers raises for a model or configuration that it cannot use."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

_WEIGHTS = "*.safetensors"


T = TypeVar("T")


class CausalModel(nn.Module):
    """The model as the training loop sees it: a Hugging Face network, its transform of the logits, the objective, and the loss of routers.

    `backend` computes its attention; None: varlen where it can, else sdpa. `reduces_once`: see `begin_micro_batch`. `embedding_noise`
    is added in `loss` only.
    """

    def __init__(self, network: Any, transform: LogitTransform) -> None:
        super().__init__()
        self.network, self.transform = network, transform
        self.objective: Objective = Plain()
        self.backend: attention.Backend | None = None
        self.reduces_once = False
        self.embedding_noise: EmbeddingNoise | None = None
        self.router_loss: RouterLoss | None = None

    @property
    def head_weight(self) -> nn.Parameter:
        """(V, D) weight of the output head; the embedding itself if the two are tied. In a sharded model it is whole only within `forward`."""
        return self.network.get_output_embeddings().weight

    @property
    def head(self) -> Head:
        """The output head; in a sharded model it is whole only within `forward`."""
        return Head(self.head_weight, getattr(self.network.get_output_embeddings(), "bias", None), self.transform)

    @property
    def device(self) -> torch.device:
        """Device that batches must be on."""
        return self.head_weight.device

    @property
    def n_vocab(self) -> int:
        """V, the number of rows of the output head."""
        return self.head_weight.shape[0]

    def layers(self) -> nn.ModuleList:
        """The decoder layers."""
        return decoder_layers(self.network)

    def forward(self, compute: Callable[..., T], *arguments: Any) -> T:
        """Call `compute`. In a sharded model, parameters outside the layers (embeddings, head, last norm) are whole only inside this call."""
        return compute(*arguments)

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the parts that `loss` reports separately, in order."""
        return (*self.objective.part_names, *(self.router_loss.part_names if self.router_loss is not None else ()))

    def loss(self, batch: MicroBatch) -> Loss:
        """The objective's loss of a batch and the routers', a sum over its targets; and the nats of each of its n * L tokens."""
        with self.embedding_noise.added(self.network, batch) if self.embedding_noise is not None else nullcontext():
            return self._whole(self._loss, batch)

    def _loss(self, batch: MicroBatch) -> Loss:
        loss = self.objective(self._hidden_states(batch), self.head, batch)
        if self.router_loss is None:
            return loss
        of_routers, parts = self.router_loss(batch)
        return Loss(loss.total + of_routers, loss.nats, loss.parts | parts)

    def nats(self, batch: MicroBatch) -> Tensor:
        """(n * L,) float32 cross-entropy of each target, independent of the objective. Call it without gradients if weights change afterwards."""
        return self._whole(lambda: linear_cross_entropy(self._hidden_states(batch), self.head, batch.targets.flatten()).nats)

    def hidden_states(self, batch: MicroBatch) -> Tensor:
        """(n * L, D) final hidden states, after the last norm. Tokens attend only within their document."""
        return self._whole(self._hidden_states, batch)

    def own_logits(self, input_ids: Tensor) -> Tensor:
        """(n, L, V) logits of transformers' own forward pass."""
        return self._whole(lambda: self.network(input_ids=input_ids, use_cache=False).logits)

    def own_nats(self, input_ids: Tensor, targets: Tensor) -> Tensor:
        """(n * L,) nats of targets (n, L) after transformers' own forward pass up to the last norm, and our head."""
        return self._whole(
            lambda: (
                linear_cross_entropy(
                    self.network.base_model(input_ids=input_ids, use_cache=False).last_hidden_state.flatten(0, 1), self.head, targets.flatten()
                ).nats
            )
        )

    def begin_micro_batch(self, *, is_last: bool) -> None:
        """Decide whether a sharded model sums the gradients of the next backward pass over the processes. With `reduces_once` only the last one of a step
        does, and the others accumulate whole gradients."""
        if isinstance(self, FSDPModule) and self.reduces_once:
            self.set_requires_gradient_sync(is_last)

    def _whole(self, compute: Callable[..., T], *arguments: Any) -> T:
        result = self(compute, *arguments)
        if isinstance(self, FSDPModule) and not torch.is_grad_enabled():
            self.reshard()  # otherwise the gathered copies would go stale: only a backward pass frees them
        return result

    def _hidden_states(self, batch: MicroBatch) -> Tensor:
        out = self.network.base_model(
            input_ids=batch.input_ids,
            position_ids=batch.position_ids,
            use_cache=False,
            **attention.inputs(self.network, self.backend, batch.cu_seqlens, *batch.input_ids.shape, longest=batch.longest),
        )
        return out.last_hidden_state.flatten(0, 1)


def local_folder(model: str) -> Path:
    """The model's folder; the model of a hub id is downloaded first. Raises TrainError if it is neither, or holds no safetensors weights."""
    folder = Path(model)
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith(".") or model.count("/") > 1:
            raise TrainError(f"model: {model}: no such folder; give a Hugging Face model folder or a hub id")
        from huggingface_hub import snapshot_download

        folder = fetch(model, partial(snapshot_download, allow_patterns=[_WEIGHTS, "*.json", *TOKENIZER_FILES, *OTHER_FILES]))
    if not (folder / "config.json").exists():
        raise TrainError(f"model: {model}: no config.json, so this is not a Hugging Face model folder")
    if not any(folder.glob(_WEIGHTS)):
        raise TrainError(f"model: {model}: no .safetensors weights (other formats can run code when loaded); convert the model to safetensors")
    return folder


def config_folder(model: str) -> Path:
    """The folder with the model's config.json; for a hub id, only that file is downloaded. Raises TrainError if it cannot be found."""
    path = Path(model)
    if path.name == "config.json" and path.is_file():
        return path.parent
    if path.is_dir():
        if not (path / "config.json").exists():
            raise TrainError(f"model: {model}: no config.json, so this is not a Hugging Face model folder")
        return path
    if path.is_absolute() or model.startswith(".") or model.count("/") > 1:
        raise TrainError(f"model: {model}: no such folder; give a Hugging Face model folder, a config.json or a hub id")
    from huggingface_hub import hf_hub_download

    return fetch(model, partial(hf_hub_download, filename="config.json")).parent


def model_config(folder: Path, rope: RopeRecipe | None = None) -> Any:
    """The configuration in a model's folder, changed by `rope`. Raises TrainError if transformers cannot read it."""
    from transformers import AutoConfig

    quiet_transformers()
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except UNLOADABLE as error:
        raise TrainError(f"model: {folder / 'config.json'}: transformers cannot use it: {' '.join(str(error).split())[:300]}") from None
    if rope is not None:
        extend_config(config, rope, str(folder))
    return config


def load_network(folder: Path, device: str = "cpu", rope: RopeRecipe | None = None) -> Any:
    """The network with float32 weights and document attention, and the rotary embeddings of `rope`; on device "meta" without weights. Raises TrainError if
    transformers cannot load it."""
    from transformers import AutoModelForCausalLM

    attention.register()
    config = model_config(folder, rope)
    options: dict[str, Any] = {"dtype": torch.float32, "trust_remote_code": False, "attn_implementation": "eager"}
    try:
        if device == "meta":
            with torch.device("meta"):
                network = AutoModelForCausalLM.from_config(config, **options)
        else:
            network = AutoModelForCausalLM.from_pretrained(folder, config=config, use_safetensors=True, **options)
    except UNLOADABLE as error:
        raise TrainError(f"model: {folder}: transformers cannot load it: {' '.join(str(error).split())[:300]}") from None
    network.set_attn_implementation(attention.NAME)  # not before: some architectures (GPT-J) choose from a list when they are built, and stay with it
    if rope is not None:
        check_extended(network, rope)
    return network


def load_model(folder: Path, device: torch.device) -> CausalModel:
    """The whole model on one device, ready for the loop."""
    return prepare(load_network(folder)).to(device)


def prepare(network: Any) -> CausalModel:
    """Make a transformers model ready for the loop: training mode, no dropout (each token is seen about once), rotary frequencies by document."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in list(vars(module).items()):
            if "drop" in name and isinstance(value, float):  # attention_dropout, residual_dropout, layerdrop: passed to functions
                setattr(module, name, 0.0)
    separate_documents(network)
    compute_in_full_precision(network)
    network.get_input_embeddings().padding_idx = None  # if padding shares its id with the end of text, that token would never be trained
    head = network.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        raise TrainError(f"model: {type(network).__name__}: its output head must be a single linear layer; train another model")
    return CausalModel(network.train(), logit_transform(network.config))


def logit_transform(config: Any) -> LogitTransform:
    """The architecture's transform of the logits: Granite divides, Cohere multiplies, Gemma caps. The self-check at start verifies it."""
    scale = 1.0
    if getattr(config, "logits_scaling", None) is not None:
        scale = 1.0 / config.logits_scaling
    elif getattr(config, "logit_scale", None) is not None:
        scale = config.logit_scale
    return LogitTransform(scale, getattr(config, "final_logit_softcapping", None))


def weights_hash(folder: Path) -> str:
    """xxh3-128 over the model's config and the checksums of its weight files; identifies the content of the base model."""
    files = {path.name: file_checksum(path) for path in sorted(folder.glob(_WEIGHTS))}
    return json_hash({"config": json.loads((folder / "config.json").read_text()), "weights": files})


def stored_dtype(folder: Path) -> torch.dtype:
    """Dtype of the model's weights on disk: that of the first floating-point tensor."""
    from safetensors import safe_open

    with safe_open(next(iter(sorted(folder.glob(_WEIGHTS)))), framework="pt") as weights:
        for name in weights.keys():  # noqa: SIM118 (not a dict)
            tensor = weights.get_slice(name)
            if tensor.get_dtype() in ("F32", "BF16", "F16"):
                return {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}[tensor.get_dtype()]
    raise TrainError(f"model: {folder}: no floating-point weights (a quantised model?); train the unquantised model")


def quiet_transformers() -> None:
    """Silence transformers' progress bars and advice."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
