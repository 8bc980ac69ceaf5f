"""The recipe of a training run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from shards.recipe import Recipe
from train.adapt.recipe import AdaptRecipe
from train.loss.recipe import ObjectiveRecipe
from train.optimize.recipe import AveragingRecipe, OptimizerRecipe, ScheduleRecipe
from train.watch.recipe import LogRecipe, ValidationRecipe


class CheckpointRecipe(Recipe):
    """When the run is saved."""

    every_steps: PositiveInt | None = 500
    """Steps between checkpoints; null: only when stopped by a signal, and the final model."""
    keep_last: PositiveInt = 2
    """Checkpoints kept; older ones are deleted."""
    keep_best: str | None = None
    """Also keep the best so far, saved whenever an evaluation finds it: by bits per byte of this domain of `evaluate`, or `mean` of all domains."""


class ShardingRecipe(Recipe):
    """FSDP2: how parameters, gradients and moments are cut over the processes that torchrun starts."""

    always: bool = False
    """Also where there is one process alone; by default the model is whole there."""
    shard_ranks: PositiveInt | None = None
    """Processes that share one copy of the model; null: all. Fewer make several copies, whose gradients are averaged (hybrid sharding, one copy a node)."""
    reshard_after_forward: bool = True
    """Give each layer's gathered weights back until the backward pass (ZeRO-3). false keeps them: faster, with the memory of a whole model in `precision`."""


class TrainRecipe(Recipe):
    """Continue the pre-training of a model on a mix."""

    name: str
    """Name of the run, in logs and reports."""
    model: Annotated[str, Field(exclude=True)]
    """Folder or hub id of a Hugging Face causal language model with safetensors weights; its own code is never run.
    Checkpoints are bound to the weights' hash, not to the path."""
    mix: Annotated[str, Field(exclude=True)]
    """Folder that `mix build` wrote, or its URL (s3://, gs://, https://), whose files then come through a cache: docs/how-to/mix.md.
    Checkpoints are bound to the plan's hash, not to the place."""
    out: Annotated[Path | None, Field(exclude=True)] = None
    """Folder of the run; `--out` overrides it."""
    seed: int = 0
    """Seed of torch's random numbers."""
    batch_rows: PositiveInt = 64
    """Rows in one optimizer step, over all devices."""
    micro_batch_rows: Annotated[PositiveInt, Field(exclude=True)] = 8
    """Most rows in one forward and backward pass of a process. Fewer need less memory and change results only by rounding."""
    steps: PositiveInt | None = None
    """Optimizer steps; null: as many whole batches as the mix's plan has."""
    document_mask: bool = True
    """Keep documents of a row from seeing each other. false: attend over the whole row, positions run on (for comparison)."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of forward and backward. Weights, gradients and moments are kept in float32 either way, unless `optimizer` says otherwise."""
    save_dtype: Literal["fp32", "bf16", "fp16"] | None = None
    """Dtype of saved models; null: that of the base model. Resuming is exact whatever it is."""
    loss: ObjectiveRecipe = ObjectiveRecipe()
    """What is minimised."""
    attention: Annotated[Literal["auto", "varlen", "flex", "sdpa"], Field(exclude=True)] = "auto"
    """What computes attention inside documents, see `train.attention`. auto: varlen on CUDA, flex where varlen lacks something, sdpa on a CPU."""
    adapt: AdaptRecipe | None = None
    """What of the model is trained: new blocks, adapters, some parameters, in stages; null: all of it. Memory of frozen weights: 2 bytes each in bf16."""
    optimizer: OptimizerRecipe = OptimizerRecipe()
    """What a step does with the gradients, and how precisely weights and moments are kept."""
    schedule: ScheduleRecipe = ScheduleRecipe()
    """Course of the learning rate."""
    averaging: AveragingRecipe = AveragingRecipe()
    """What happens to weights between steps."""
    device: Annotated[str, Field(exclude=True)] = "auto"
    """auto: CUDA if there is any, else the CPU; or a torch device name. Under torchrun each process takes the CUDA device of its local rank."""
    threads: Annotated[PositiveInt | None, Field(exclude=True)] = None
    """CPU threads of torch; null: torch's own choice. Bit-for-bit repeats need the same number."""
    activation_checkpointing: Annotated[Literal["none", "selective", "full"], Field(exclude=True)] = "none"
    """What the backward pass computes anew: nothing; all but attention and every second matrix product; whole layers (least memory, a third more time)."""
    sharding: Annotated[ShardingRecipe, Field(exclude=True)] = ShardingRecipe()
    """More than one process."""
    compile: Annotated[bool, Field(exclude=True)] = False
    """Compile each layer with torch.compile; needs a C++ compiler on CPU."""
    tf32: bool = True
    """Allow TF32 in float32 matrix products on CUDA."""
    deterministic: bool = True
    """Ask torch for deterministic algorithms; where it has none it warns."""
    checkpoint: Annotated[CheckpointRecipe, Field(exclude=True)] = CheckpointRecipe()
    """When the run is saved."""
    evaluate: Annotated[ValidationRecipe | None, Field(exclude=True)] = None
    """Bits per byte on held-out documents while training; null: none."""
    log: Annotated[LogRecipe, Field(exclude=True)] = LogRecipe()
    """Where metrics go."""
