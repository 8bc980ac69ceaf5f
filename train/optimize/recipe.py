"""Recipes of the optimizer, the learning-rate schedule, and the averages of weights."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, PositiveInt, model_validator

from shards.recipe import Recipe

Share = Annotated[float, Field(ge=0, le=1)]
Above0 = Annotated[float, Field(gt=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]

Shape = Literal["linear", "cosine", "sqrt", "exponential", "inverse_sqrt"]


@cache
def presets() -> dict[str, dict[str, dict[str, Any]]]:
    """Published recipes by name, each with its settings for `optimizer` and `schedule`; from presets.yaml."""
    return yaml.safe_load(files(__package__).joinpath("presets.yaml").read_text(encoding="utf-8"))


def _with_preset(values: Any, part: str) -> Any:
    """`values`, with defaults for `part` from the preset that they name."""
    name = values.get("preset") if isinstance(values, Mapping) else None
    if name is None:
        return values
    known = sorted(key for key, preset in presets().items() if part in preset)
    if name not in known:
        raise ValueError(f"preset: {name} is unknown; use one of {', '.join(known)}")
    return presets()[name][part] | dict(values)


class SkipSpikesRecipe(Recipe):
    """Skip steps whose loss or gradient norm is far from that of earlier steps (the rule of OLMo-core's SkipStepOptimizer)."""

    window: Annotated[int, Field(ge=20)] = 128
    """Number of earlier steps to compare with. No step is skipped until half of them, at least 20, were seen. OLMo-core's default."""
    sigmas: Above0 = 6.0
    """A step is skipped if it is more than this many standard deviations above or below the window's mean. OLMo-core's default."""


class LayerRatesRecipe(Recipe):
    """Learning rates by part of the model: each parameter has `lr` times the factor of its depth times the factors of all groups that contain it.

    AdamW's and Muon's weight decay is multiplied by the same learning rate, so it changes as well.
    """

    decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor from each level of depth to the one below it (discriminative fine-tuning, ULMFiT, arXiv 1801.06146; levels as in BEiT, arXiv 2106.08254).
    Of n layers, layer i from 0 has decay ** (n - i), the embeddings have decay ** (n + 1), final norm and head have 1. A head that is tied to the
    embeddings has their factor."""
    groups: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Factors of groups as in `adapt.train` (embeddings, head, norms, biases, layers[4:8], patterns of parameter names), e.g. {embeddings: 0.1}."""


class OptimizerRecipe(Recipe):
    """The optimizer. Defaults are those of Llama 2 (arXiv 2307.09288), except for the learning rate."""

    preset: str | None = None
    """Name of a published recipe whose settings stand where this one gives none; see docs/how-to/train.md."""
    kind: Literal["adamw", "adamw8bit", "muon"] = "adamw"
    """adamw: arXiv 1711.05101. adamw8bit: with 8-bit moments (arXiv 2110.02861). muon: Muon for the hidden matrices, scaled to AdamW's
    updates (arXiv 2502.16982), AdamW for embeddings, head, norms and biases."""
    lr: Above0 = 3e-4
    """Peak learning rate. For continued pre-training, start at or below the base model's own peak (arXiv 2403.08763)."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """AdamW: decay of the first and second moment per step."""
    eps: Above0 = 1e-8
    """AdamW: added to the square root of the second moment."""
    momentum: Beta = 0.95
    """Muon: decay of the momentum per step, with Nesterov's look-ahead (the default of its author and of torch)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decay per step, multiplied by the learning rate; on matrices only, not on norms and biases."""
    clip: Above0 | None = 1.0
    """Upper limit of the L2 norm of all gradients together; null: no clipping."""
    weights: Literal["masters", "stochastic", "kahan"] = "masters"
    """Form of the trained weights when computing in bf16. masters: float32 weights, and bfloat16 copies in the network. stochastic: bfloat16
    only, rounded up or down at random, so that small steps count on average. kahan: bfloat16, plus the rounding error in bfloat16."""
    layer_rates: LayerRatesRecipe | None = None
    """Learning rates by part of the model; null: one rate for all parameters."""
    skip_spikes: SkipSpikesRecipe | None = None
    """Skip steps with spikes; null: skip only non-finite steps. Off by default, as in most trainers, because a mix with stages may jump at a new stage."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return _with_preset(values, "optimizer")


class PhaseRecipe(Recipe):
    """A part of the schedule. Its length is `steps`, `share` or `stage`; one phase may have none of them and takes the remaining steps."""

    shape: Shape = "linear"
    """Curve from the rate at the begin to the rate at the end; sqrt is 1 - sqrt of the elapsed share (arXiv 2405.18392)."""
    to: Annotated[float, Field(ge=0)] | None = None
    """Rate at its end as a share of the peak: a rising rate reaches it at the last step, a falling one at the first step after the phase. null: the rate
    stays constant."""
    begin: Annotated[float, Field(ge=0)] | None = None
    """Rate just before its first step as a share of the peak; null: the end of the previous phase; for the first phase 0, or 1 if it
    has no `to`."""
    steps: PositiveInt | None = None
    """Length in optimizer steps."""
    share: Share | None = None
    """Length as a share of all steps."""
    stage: str | None = None
    """The phase ends with this stage of the mix."""

    @model_validator(mode="after")
    def _one_length(self) -> "PhaseRecipe":
        if sum(length is not None for length in (self.steps, self.share, self.stage)) > 1:
            raise ValueError("give one of steps, share and stage")
        return self


class ScheduleRecipe(Recipe):
    """The learning-rate schedule; see `train.optimize.schedule`."""

    preset: str | None = None
    """Name of a published recipe whose settings stand where this one gives none; see docs/how-to/train.md."""
    kind: Literal["wsd", "cosine", "linear", "constant", "inverse_sqrt", "infinite", "phases"] = "wsd"
    """wsd: warm-up, constant, decay (arXiv 2404.06395). infinite: warm-up, cosine cool-down to `constant_share`, constant, exponential decay
    (arXiv 2503.02844). phases: defined by `phases`."""
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    """Steps of linear warm-up; null: `warmup_share` of all steps."""
    warmup_share: Share = 0.01
    """Share of all steps, used if `warmup_steps` is null (1% as in arXiv 2403.08763)."""
    start_share: Share = 0.0
    """Learning rate before the first step of warm-up as a share of the peak."""
    decay_share: Share = 0.2
    """wsd, infinite: share of all steps, at the end of the run, that decay (10–20% in arXiv 2405.18392)."""
    decay_shape: Literal["sqrt", "linear", "cosine"] = "sqrt"
    """wsd: shape of the decay; 1 - sqrt did best in arXiv 2405.18392."""
    cooldown_share: Share = 0.2
    """infinite: share of all steps that cool down after warm-up; our default, because none is published as a share."""
    constant_share: Annotated[float, Field(gt=0, le=1)] = 0.125
    """infinite: learning rate of the constant part as a share of the peak (3.75e-5 of 3e-4 in arXiv 2503.02844)."""
    final_share: Share | None = None
    """Learning rate at the end of the run as a share of the peak; the last step is one step short of it, so that no step has rate 0. null: 0, and
    for infinite 1e-8 of 3e-4 (arXiv 2503.02844). Not used by inverse_sqrt and constant."""
    phases: tuple[PhaseRecipe, ...] = ()
    """phases: consecutive parts that together fill the run."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        values = _with_preset(values, "schedule")
        return {"kind": "phases"} | dict(values) if isinstance(values, Mapping) and values.get("phases") else values

    @model_validator(mode="after")
    def _whole(self) -> "ScheduleRecipe":
        if (self.kind == "phases") != bool(self.phases):
            raise ValueError("phases: required by kind phases, and refused by other kinds")
        if sum(phase.steps is phase.share is phase.stage is None for phase in self.phases) > 1:
            raise ValueError("phases: only one may be without steps, share and stage; it takes the remaining steps")
        if self.kind == "infinite" and self.final_share == 0:
            raise ValueError("final_share: the exponential decay never reaches 0; give a share above 0")
        return self


class EmaRecipe(Recipe):
    """An exponential moving average of the weights; it does not affect training."""

    decay: Beta = 0.999
    """Weight of the old average in each update; 0.999 averages over about a thousand steps."""
    warmup: bool = True
    """Start with a smaller decay: min(decay, (1 + n) / (10 + n)) in update n, as in TensorFlow and timm."""
    export: Literal["beside", "instead"] = "beside"
    """beside: write the final average to OUT/model-ema. instead: write it to OUT/model, and do not write the trained weights."""


class ReptileRecipe(Recipe):
    """Every k steps: theta <- old + epsilon (theta - old), where old is theta k steps before (arXiv 2508.01908, after Reptile)."""

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the change that is kept; 1 changes nothing. The paper's value; the default of its code is 0.01."""
    every_steps: PositiveInt = 500
    """Steps between two such updates (the paper's value)."""

    @property
    def kept(self) -> float:
        """Share of the change that is kept."""
        return self.epsilon


class ReplacingEmaRecipe(Recipe):
    """A moving average that replaces the weights: every k steps theta <- alpha old + (1 - alpha) theta (arXiv 2506.00288).

    With every_steps 1, SGD and AdamW behave as if the learning rate were multiplied by 1 - alpha: compare with such a run before you credit the average.
    """

    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.92
    """Weight of the old weights (the paper's value)."""
    every_steps: PositiveInt = 1
    """Steps between two updates (the paper: 1 for Basque and Indonesian, 10 for Arabic)."""

    @property
    def kept(self) -> float:
        """Share of the change that is kept."""
        return 1 - self.alpha


class ForgetEmbeddingsRecipe(Recipe):
    """Redraw the input embeddings at random every k steps (active forgetting, arXiv 2307.01163), so that the body learns to adapt to new embeddings."""

    every_steps: PositiveInt = 1000
    """Steps between two draws (1,000 in the paper). The last step never redraws."""
    std: Above0 = 0.02
    """Standard deviation of the new embeddings."""


class AveragingRecipe(Recipe):
    """Averages of the weights, and other changes to them between optimizer steps."""

    ema: EmaRecipe | None = None
    """A moving average that does not affect training; null: none."""
    reptile: ReptileRecipe | None = None
    """Reptile's step; null: none."""
    replacing_ema: ReplacingEmaRecipe | None = None
    """A moving average that replaces the weights; null: none."""
    forget_embeddings: ForgetEmbeddingsRecipe | None = None
    """Active forgetting; null: none."""

    @model_validator(mode="after")
    def _one_pull(self) -> "AveragingRecipe":
        if self.reptile is not None and self.replacing_ema is not None:
            raise ValueError("reptile and replacing_ema are the same update (epsilon = 1 - alpha); give one of them")
        return self
