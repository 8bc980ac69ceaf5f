"""Memory of a run on one device, by purpose.

Weights, gradients and moments are counted on the trainer's own objects, made on device meta; the step runs on meta tensors (`train.plan.simulate`).
Two parts are assumed, not measured: `RESERVED`, and what FSDP holds besides its shards.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from train.adapt.adapt import adapt
from train.errors import TrainError
from train.fit import read_config
from train.loss.distill import Distillation
from train.loss.objective import FrozenModel, Objective
from train.model import DTYPES, CausalModel, config_folder, load_network, prepare
from train.optimize.local import local
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights, cast_parameters
from train.plan import stand_in
from train.plan.flops import ModelFlops, model_flops
from train.plan.gpus import GIB
from train.plan.parameters import Parameters, count_parameters
from train.plan.simulate import StepMemory, measure_step
from train.recipe import TrainRecipe
from train.recompute import checkpoint_activations
from train.regularize.memory import regularizer_bytes
from train.rope.by_document import use_one_set_of_frequencies

RESERVED = GIB
"""Bytes of CUDA's context and the work space of cuBLAS and NCCL: about 0.5 to 1.5 GiB."""
FRAGMENTED = 0.03
"""Share of all other memory that the allocator holds but no tensor uses."""

_ACCUMULATED_BYTES = 4
"""Bytes of an unsharded gradient that FSDP accumulates over micro-batches, in float32."""
_AVERAGES = ("ema.", "anchor.")


@dataclass(frozen=True)
class Memory:
    """Bytes on each device at the peak of a step, by part."""

    parts: dict[str, int]
    parameters: Parameters
    flops: ModelFlops

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())


class MemoryPlanner:
    """Plans the memory of recipes that train one model on rows of one length. `base` needs a config.json but no weights.

    Measurements are cached, so that variants of a recipe are cheap.
    """

    def __init__(self, base: Path, row_tokens: int, *, on_gpu: bool) -> None:
        self.base, self.row_tokens, self.on_gpu = base, row_tokens, on_gpu
        self._models: dict[Any, _Model] = {}
        self._steps: dict[Any, StepMemory] = {}
        stand_in.register()

    def memory(self, recipe: TrainRecipe, n_devices: int = 1) -> Memory:
        """Memory of a run of `recipe` on `n_devices` devices; `sharding.reduce_gradients: auto` counts as what needs less. Raises TrainError
        for a model whose step cannot be planned."""
        is_sharded = n_devices > 1 or recipe.sharding.always
        n_shards = (recipe.sharding.shard_ranks or n_devices) if is_sharded else 1
        rows = min(recipe.micro_batch_rows, max(1, -(-one_batch(recipe) // n_devices)))
        model, step = self._model(recipe, is_sharded), self._step(recipe, rows, is_sharded)
        parts = {name: n_bytes // n_shards for name, n_bytes in model.lasting.items()} | {"buffers": model.buffers}
        if is_sharded:
            parts |= _gathered(model, DTYPES[recipe.precision].itemsize, keeps_all=not recipe.sharding.reshard_after_forward)
            if recipe.sharding.reduce_gradients == "step" and micro_batches(recipe, n_devices) > 1:
                parts["gradients until the last micro-batch"] = _ACCUMULATED_BYTES * model.parameters.trainable
        parts |= {"activations kept for the backward pass": step.kept, "backward pass and output head": step.peak - step.kept}
        if recipe.loss.second_model is not None:
            parts["second model"] = self._second(recipe.loss.second_model)
        if self.on_gpu:
            parts["CUDA, NCCL, fragmentation (assumed)"] = round(RESERVED + FRAGMENTED * sum(parts.values()))
        return Memory({name: n_bytes for name, n_bytes in parts.items() if n_bytes}, model.parameters, model.flops)

    def _model(self, recipe: TrainRecipe, is_sharded: bool) -> "_Model":
        key = (recipe.model_dump_json(), is_sharded)
        if key not in self._models:
            model, weights = self._make(recipe, is_sharded)
            regularizers = regularizer_bytes(recipe.regularize, weights, read_config(self.base).dtype or torch.float32)
            self._models[key] = _describe(model, weights, {"regularizers": regularizers})
        return self._models[key]

    def _step(self, recipe: TrainRecipe, n_rows: int, is_sharded: bool) -> StepMemory:
        same_step = recipe.model_copy(update={"optimizer": OptimizerRecipe(weights=recipe.optimizer.weights)})
        key = (same_step.model_dump_json(), n_rows, recipe.activation_checkpointing, recipe.loss.second_model)
        if key not in self._steps:
            model, _ = self._make(recipe, is_sharded)
            model.network.to(DTYPES[recipe.precision])  # FSDP computes in copies of this dtype
            checkpoint_activations(model.network, recipe.activation_checkpointing)
            self._steps[key] = measure_step(model, n_rows, self.row_tokens)
        return self._steps[key]

    def _second(self, name: str) -> int:
        """Bytes of the frozen model that the objective reads; every device holds all of it."""
        network = load_network(config_folder(name), "meta")
        return sum(parameter.numel() for parameter in network.parameters()) * (2 if self.on_gpu else 4)

    def _prepared(self, network: Any) -> CausalModel:
        """The model of a network on device meta; its attention and rotary embeddings keep the tensors of a run and read no values."""
        use_one_set_of_frequencies(network)
        model = prepare(network)
        network.set_attn_implementation(stand_in.NAME if self.on_gpu else f"{stand_in.NAME}_by_document")
        return model

    def _objective(self, recipe: TrainRecipe, model: CausalModel) -> Objective:
        """The run's objective, with the chunks of a GPU if the run has one; a selective loss counts as the plain one, to which it adds
        a copy of the chosen hidden states."""
        distill = recipe.loss.distill
        if distill is None:
            return stand_in.PlannedObjective() if self.on_gpu else model.objective
        teacher = self._prepared(load_network(config_folder(distill.teacher), "meta").to(torch.bfloat16 if self.on_gpu else torch.float32))
        return Distillation(FrozenModel(teacher), distill.temperature, distill.weight, recipe.loss.z_loss, like_cuda=self.on_gpu)

    def _make(self, recipe: TrainRecipe, is_sharded: bool) -> tuple[CausalModel, TrainedWeights]:
        """The model and weights of the run, on device meta."""
        network, dtype = load_network(self.base, "meta", recipe.rope), DTYPES[recipe.precision]
        if recipe.adapt is not None:
            if recipe.adapt.quantize is not None:
                raise TrainError(
                    "plan: adapt.quantize: 4-bit weights cannot be planned; plan without it: each frozen weight then takes 2 bytes instead of about 0.55"
                )
            adapt(network, recipe.adapt, dtype, torch.device("cuda" if self.on_gpu else "cpu"))
        model = self._prepared(network)
        model.objective = self._objective(recipe, model)
        if is_sharded and recipe.optimizer.weights != "masters":
            cast_parameters(network, dtype)
        dtype = torch.float32 if is_sharded and recipe.optimizer.weights == "masters" else dtype  # FSDP2 makes the copies itself
        return model, TrainedWeights(network, dtype, recipe.optimizer, recipe.averaging, seed=recipe.seed)


def one_batch(recipe: TrainRecipe) -> int:
    """Rows of a step of a recipe that `Steps.in_longest_rows` made. Raises TrainError for one that differs by stage."""
    if not isinstance(recipe.batch_rows, int):
        raise TrainError("batch_rows differs by stage; it must be counted in rows of one length to be planned")
    return recipe.batch_rows


def micro_batches(recipe: TrainRecipe, n_devices: int) -> int:
    """Number of micro-batches of a process in a whole step."""
    return -(-max(1, -(-one_batch(recipe) // n_devices)) // recipe.micro_batch_rows)


@dataclass(frozen=True)
class _Model:
    """Bytes held from the first step to the last (unsharded); numbers of parameters of each layer, and of the rest."""

    lasting: dict[str, int]
    buffers: int
    layers: tuple[int, ...]
    rest: int
    parameters: Parameters
    flops: ModelFlops


def _describe(model: CausalModel, weights: TrainedWeights, others: dict[str, int]) -> _Model:
    layers = tuple(sum(parameter.numel() for parameter in layer.parameters()) for layer in model.layers())
    parameters = count_parameters(model.network)
    buffers = sum(buffer.nbytes for buffer in model.network.buffers())
    lasting = optimizer_bytes(model.network, weights) | others
    return _Model(lasting, buffers, layers, parameters.total - sum(layers), parameters, model_flops(model.network))


def _gathered(model: _Model, item_bytes: int, *, keeps_all: bool) -> dict[str, int]:
    """Unsharded tensors of FSDP2: embeddings, head and last norm throughout the step, the computing layer and the next one; and their gradients
    until they are summed, in float32, for two layers at a time."""
    two_layers = 2 * max(model.layers)
    gathered = model.rest + (sum(model.layers) if keeps_all else two_layers)
    return {"gathered weights": item_bytes * gathered, "gradients being summed": item_bytes * model.rest + (item_bytes + 4) * two_layers}


def optimizer_bytes(network: nn.Module, weights: TrainedWeights) -> dict[str, int]:
    """Bytes on this rank: `parameters` of the network, including frozen ones; separate `masters`, and rounding compensation; `gradients` of all trained
    parameters; `moments` and other optimizer state; `averages` of weights. The network may be on device meta.
    """
    state = {name: _bytes(tensor) for name, tensor in weights.state().items()}
    of_weights = sum(size for name, size in state.items() if name.startswith("weight."))
    trained = {id(master) for master in weights.masters.values()}
    averages = sum(size for name, size in state.items() if name.startswith(_AVERAGES))
    return {
        "parameters": sum(_bytes(parameter) for parameter in network.parameters()),
        "masters": of_weights - sum(_bytes(parameter) for parameter in network.parameters() if id(parameter) in trained),
        "gradients": sum(_bytes(master) for master in weights.masters.values()),
        "moments": sum(state.values()) - of_weights - averages,
        "averages": averages,
    }


def _bytes(tensor: Tensor) -> int:
    return local(tensor).numel() * tensor.element_size()
