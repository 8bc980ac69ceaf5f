"""The recipe of a training run."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from shards.recipe import Recipe
from train.adapt.recipe import AdaptRecipe
from train.loss.recipe import ObjectiveRecipe
from train.optimize.recipe import AveragingRecipe, OptimizerRecipe, ScheduleRecipe
from train.regularize.recipe import RegularizeRecipe
from train.rope.recipe import RopeRecipe
from train.watch.recipe import LogRecipe, ValidationRecipe


class CheckpointRecipe(Recipe):
    """When checkpoints are written and how many are kept."""

    every_steps: PositiveInt | None = 500
    """Steps between checkpoints; null: save only when a signal stops the run, and the final model."""
    keep_last: PositiveInt = 2
    """Number of newest checkpoints to keep; older ones are deleted."""
    keep_best: str | None = None
    """Also save and keep the best checkpoint so far, judged at each evaluation by the bits per byte of this domain of `evaluate`, or by the `mean` over
    all domains."""


class ShardingRecipe(Recipe):
    """FSDP2: how parameters, gradients and moments are sharded over the processes of a run."""

    always: bool = False
    """Shard with a single process, too; by default one process holds the whole model."""
    shard_ranks: PositiveInt | None = None
    """Processes that share one replica of the model; null: all. A smaller number makes several replicas, whose gradients are averaged (hybrid sharding,
    e.g. one replica per node)."""
    reduce_gradients: Literal["auto", "step", "micro_batch"] = "auto"
    """When gradients are summed over the processes. step: once, with the last micro-batch, which saves communication but holds whole gradients until then
    (4 bytes per trained parameter). micro_batch: with each micro-batch. auto: step where the planned memory allows it. Results differ by rounding; torch
    2.15 sums waiting gradients in `precision`, so there auto takes step in fp32 only."""
    reshard_after_forward: bool = True
    """Free each layer's gathered weights between forward and backward pass (ZeRO-3). false keeps them: faster, but takes the memory of a whole model in
    `precision`."""


class ResumeRecipe(Recipe):
    """A checkpoint of another run, from which a new run starts at row 0 of its own mix; see docs/how-to/train.md."""

    run: Annotated[Path, Field(exclude=True)]
    """Output folder of that run. The run is bound to the checkpoint's content, not to the path."""
    step: PositiveInt
    """Step after which the checkpoint was saved; that run must still have it."""
    moments: bool = True
    """Also take the moments of the optimizer, so that the first steps need no warm-up. false: the weights alone. Averages of weights and the record of
    spikes begin anew either way."""


class TrainRecipe(Recipe):
    """Continue the pre-training of a model on a mix."""

    name: str
    """Name of the run, in logs and reports."""
    model: Annotated[str, Field(exclude=True)]
    """Folder or hub id of a Hugging Face causal language model with safetensors weights; code from the model is never run.
    Checkpoints are bound to the hash of the weights, not to the path."""
    mix: Annotated[str, Field(exclude=True)]
    """Folder that `mix build` wrote, or its URL (s3://, gs://, https://), whose files then come through a cache: docs/how-to/mix.md.
    Checkpoints are bound to the plan's hash, not to the place."""
    out: Annotated[Path | None, Field(exclude=True)] = None
    """Folder of the run; `--out` overrides it."""
    seed: int = 0
    """Seed of torch's random numbers."""
    batch_rows: PositiveInt | dict[str, PositiveInt] = 64
    """Rows per optimizer step, over all devices; or by name of the mix's stages, `{short: 64, long: 16}`, to keep the tokens of a step where rows grow
    longer. A step never has rows of two lengths, so the last step of a stage may have fewer."""
    micro_batch_rows: Annotated[PositiveInt, Field(exclude=True)] = 8
    """Upper limit of rows in one forward and backward pass of a process; where the mix has rows of several lengths, of the longest, and as many more of the
    others as have the same tokens. Fewer rows need less memory and change results only by rounding."""
    steps: PositiveInt | None = None
    """Optimizer steps; null: as many as the mix's rows make. If these are no multiple of `batch_rows`, the last step takes the rest. Its loss is divided by
    its own number of targets, and its learning rate is that of the schedule, so each of its tokens has more weight than one of a full step."""
    document_mask: bool = True
    """Keep the documents of a row from attending to each other. false: attend over the whole row with continuous positions (for comparison)."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of forward and backward pass. Weights, gradients and moments are kept in float32 either way, unless `optimizer` says otherwise."""
    fp8: Literal["tensorwise", "rowwise"] | None = None
    """Compute the matrix products of the decoder layers in 8-bit floats, where `precision` is bf16; null: in `precision`. tensorwise: one scale for each
    tensor, fastest. rowwise: one for each row, closest to bf16. It needs torchao and a GPU of compute capability 8.9 or later: docs/how-to/train.md."""
    save_dtype: Literal["fp32", "bf16", "fp16"] | None = None
    """Dtype of saved models; null: the base model's. Resuming is exact with any dtype."""
    rope: RopeRecipe | None = None
    """Extend the model's context by other rotary frequencies: docs/how-to/long-context.md; null: the model's own."""
    loss: ObjectiveRecipe = ObjectiveRecipe()
    """What is minimised."""
    attention: Annotated[Literal["auto", "varlen", "flex", "sdpa"], Field(exclude=True)] = "auto"
    """Attention backend, see `train.attention`. auto: varlen on CUDA, flex for what varlen does not support, sdpa on a CPU."""
    adapt: AdaptRecipe | None = None
    """Which part of the model is trained: new blocks, adapters, some parameters, in stages; null: all of it. A frozen weight takes 2 bytes in bf16."""
    neftune_alpha: Annotated[float, Field(ge=0)] = 0.0
    """Noise on the embeddings in training, uniform in ±alpha / sqrt(n * d) for documents of n tokens and embeddings of d numbers (NEFTune, arXiv
    2310.05914, for fine-tuning: 5 to 15); 0: none. The logged loss is then that of noisy embeddings; evaluation has no noise."""
    regularize: RegularizeRecipe | None = None
    """What is done against forgetting besides replay; null: nothing."""
    optimizer: OptimizerRecipe = OptimizerRecipe()
    """The optimizer, and the precision in which weights and moments are kept."""
    schedule: ScheduleRecipe = ScheduleRecipe()
    """The learning-rate schedule."""
    schedule_change: Annotated[Literal["refuse", "accept"], Field(exclude=True)] = "refuse"
    """What to do if the mix was extended in mid-run, and the schedule over the new number of steps gives the last step done another learning rate than it
    had. refuse: stop and show both. accept: continue at the rates of the new schedule."""
    resume_from: ResumeRecipe | None = None
    """Start from a checkpoint of another run; null: from `model`."""
    averaging: AveragingRecipe = AveragingRecipe()
    """Averages of the weights, and what else changes them between steps."""
    device: Annotated[str, Field(exclude=True)] = "auto"
    """auto: CUDA if available, else the CPU; or cpu, cuda, cuda:1, … With several processes each takes the CUDA device of its local rank."""
    threads: Annotated[PositiveInt | None, Field(exclude=True)] = None
    """CPU threads of torch; null: torch's default. Bit-identical results need the same number."""
    activation_checkpointing: Annotated[Literal["none", "selective", "full"], Field(exclude=True)] = "none"
    """What the backward pass recomputes. none: nothing. selective: everything but attention and every second matrix product. full: whole layers (least
    memory, a third more time)."""
    sharding: Annotated[ShardingRecipe, Field(exclude=True)] = ShardingRecipe()
    """How the model is sharded over several processes."""
    compile: Annotated[bool | Literal["auto"], Field(exclude=True)] = "auto"
    """Compile the decoder layers with torch.compile. auto: on CUDA, if a C compiler and Python's headers are installed. true needs both, and stops the run
    if a layer cannot be compiled as a whole; with `attention: sdpa`, attention itself is not compiled."""
    tf32: bool = True
    """Allow TF32 in float32 matrix products on CUDA. Rotary embeddings keep full precision."""
    deterministic: bool = True
    """Make repeats of the run equal bit for bit on the same hardware, software and number of processes. On CUDA this selects slower kernels, above all in
    the backward pass of attention. If a model needs an operation that has no deterministic version, the run warns, and its `run.json` says
    `"exact": "spread"` instead of `"bits"`."""
    checkpoint: Annotated[CheckpointRecipe, Field(exclude=True)] = CheckpointRecipe()
    """When checkpoints are written and how many are kept."""
    evaluate: Annotated[ValidationRecipe | None, Field(exclude=True)] = None
    """Bits per byte of held-out documents and of right answers while training; null: none."""
    log: Annotated[LogRecipe, Field(exclude=True)] = LogRecipe()
    """Where metrics go."""

    @field_validator("device")
    @classmethod
    def _device_has_a_name(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
            raise ValueError("the trainer runs on CUDA and on the CPU only; use auto, cpu, cuda or cuda:N")
        return device

    @model_validator(mode="after")
    def _float8_beside_bfloat16(self) -> "TrainRecipe":
        if self.fp8 is not None and self.precision != "bf16":
            raise ValueError("fp8: its products are cast from and to bfloat16; set precision: bf16")
        return self
