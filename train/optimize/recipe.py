"""Recipes of the optimizer, the learning rate's course, and what happens to weights between steps."""

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
    """Published recipes by name, each with the settings that it gives for `optimizer` and `schedule`; from presets.yaml."""
    return yaml.safe_load(files(__package__).joinpath("presets.yaml").read_text(encoding="utf-8"))


def _with_preset(values: Any, part: str) -> Any:
    """`values` over those that the preset named in them gives for `part`."""
    name = values.get("preset") if isinstance(values, Mapping) else None
    if name is None:
        return values
    known = sorted(key for key, preset in presets().items() if part in preset)
    if name not in known:
        raise ValueError(f"preset: {name} is not known; give one of {', '.join(known)}")
    return presets()[name][part] | dict(values)


class SkipSpikesRecipe(Recipe):
    """Don't apply steps whose loss or gradient norm is far from those before (the rule of OLMo-core's SkipStepOptimizer)."""

    window: Annotated[int, Field(ge=20)] = 128
    """Steps that are looked back on. Nothing is skipped before half of them, at least 20, were seen. OLMo-core's default."""
    sigmas: Above0 = 6.0
    """Standard deviations from the window's mean, up or down, from which on a step is skipped. OLMo-core's default."""


class OptimizerRecipe(Recipe):
    """The optimizer. Defaults are those of Llama 2 (arXiv 2307.09288), but for the learning rate."""

    preset: str | None = None
    """Name of a published recipe whose settings stand where this one gives none; see docs/how-to/train.md."""
    kind: Literal["adamw", "adamw8bit", "muon"] = "adamw"
    """adamw: arXiv 1711.05101. adamw8bit: with 8-bit moments (arXiv 2110.02861). muon: Muon for the hidden matrices, scaled to AdamW's
    updates (arXiv 2502.16982), AdamW for embeddings, head, norms and biases."""
    lr: Above0 = 3e-4
    """Peak learning rate. For continued pre-training, start at or below the base model's own peak (arXiv 2403.08763)."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """AdamW: decay of the first and second moment, per step."""
    eps: Above0 = 1e-8
    """AdamW: added to the root of the second moment."""
    momentum: Beta = 0.95
    """Muon: decay of the momentum, per step, with Nesterov's look ahead (the default of its author and of torch)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Per step, times the learning rate; on matrices only, not on norms and biases."""
    clip: Above0 | None = 1.0
    """Largest L2 norm of all gradients together; null: no clipping."""
    weights: Literal["masters", "stochastic", "kahan"] = "masters"
    """What is trained when computing in bf16. masters: float32 weights, of which the network has bfloat16 copies. stochastic: bfloat16
    alone, rounded up or down at random so that small steps count on average. kahan: bfloat16 and what rounding left, bfloat16 as well."""
    skip_spikes: SkipSpikesRecipe | None = None
    """Don't apply steps with spikes; null: only steps that are not finite. Off, as in most trainers: a mix with stages may well jump."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return _with_preset(values, "optimizer")


class PhaseRecipe(Recipe):
    """A stretch of the schedule. Its length is `steps`, `share` or `stage`; one phase may have none and takes the steps that are left."""

    shape: Shape = "linear"
    """How the rate moves from the phase's begin to its end; sqrt is 1 - sqrt of the time (arXiv 2405.18392)."""
    to: Annotated[float, Field(ge=0)] | None = None
    """Rate of its last step as a share of the peak; null: it stays as it began."""
    begin: Annotated[float, Field(ge=0)] | None = None
    """Rate just before its first step as a share of the peak; null: where the phase before ended; for the first 0, or 1 if it
    has no `to`."""
    steps: PositiveInt | None = None
    """Length in optimizer steps."""
    share: Share | None = None
    """Length as a share of all steps."""
    stage: str | None = None
    """Until this stage of the mix ends."""

    @model_validator(mode="after")
    def _one_length(self) -> "PhaseRecipe":
        if sum(length is not None for length in (self.steps, self.share, self.stage)) > 1:
            raise ValueError("give one of steps, share and stage")
        return self


class ScheduleRecipe(Recipe):
    """How the learning rate moves; see `train.optimize.schedule`."""

    preset: str | None = None
    """Name of a published recipe whose settings stand where this one gives none; see docs/how-to/train.md."""
    kind: Literal["wsd", "cosine", "linear", "constant", "inverse_sqrt", "infinite", "phases"] = "wsd"
    """wsd: warm up, stay, decay (arXiv 2404.06395). infinite: warm up, cosine cool-down to `constant_share`, stay, exponential decay
    (arXiv 2503.02844). phases: those of `phases`."""
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    """Steps of linear warm-up; null: `warmup_share` of all steps."""
    warmup_share: Share = 0.01
    """Share of all steps, used when `warmup_steps` is null (1% as in arXiv 2403.08763)."""
    start_share: Share = 0.0
    """Learning rate before the first step of warm-up as a share of the peak."""
    decay_share: Share = 0.2
    """wsd, infinite: share of all steps that decay, at their end (10–20% in arXiv 2405.18392)."""
    decay_shape: Literal["sqrt", "linear", "cosine"] = "sqrt"
    """wsd: shape of the decay; 1 - sqrt did best in arXiv 2405.18392."""
    cooldown_share: Share = 0.2
    """infinite: share of all steps that cool down after warm-up; our default, none is published as a share."""
    constant_share: Annotated[float, Field(gt=0, le=1)] = 0.125
    """infinite: learning rate of the constant stretch as a share of the peak (3.75e-5 of 3e-4 in arXiv 2503.02844)."""
    final_share: Share | None = None
    """Learning rate of the last step as a share of the peak; null: 0, for infinite 1e-8 of 3e-4 (arXiv 2503.02844). inverse_sqrt and
    constant have none."""
    phases: tuple[PhaseRecipe, ...] = ()
    """phases: stretches one after the other, which fill the run."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        values = _with_preset(values, "schedule")
        return {"kind": "phases"} | dict(values) if isinstance(values, Mapping) and values.get("phases") else values

    @model_validator(mode="after")
    def _whole(self) -> "ScheduleRecipe":
        if (self.kind == "phases") != bool(self.phases):
            raise ValueError("phases: kind phases needs them, other kinds take none")
        if sum(phase.steps is phase.share is phase.stage is None for phase in self.phases) > 1:
            raise ValueError("phases: only one may be without steps, share and stage; it takes the steps that are left")
        if self.kind == "infinite" and self.final_share == 0:
            raise ValueError("final_share: the exponential decay never reaches 0; give a share above 0")
        return self


class EmaRecipe(Recipe):
    """An exponential moving average of the weights, beside the run; it changes nothing in it."""

    decay: Beta = 0.999
    """Weight of the average in each update; 0.999 remembers about a thousand steps."""
    warmup: bool = True
    """Begin with less: min(decay, (1 + n) / (10 + n)) in the nth update, as TensorFlow's and timm's averages do."""
    export: Literal["beside", "instead"] = "beside"
    """beside: the final average is OUT/model-ema. instead: it is OUT/model, and what was trained is not written."""


class ReptileRecipe(Recipe):
    """Every k steps: theta <- old + epsilon (theta - old), where old is theta k steps before (arXiv 2508.01908, after Reptile)."""

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the way that is kept, 1 changes nothing. The paper's; the default of its code is 0.01."""
    every_steps: PositiveInt = 500
    """Steps between two of these (the paper's)."""

    @property
    def kept(self) -> float:
        """Share of the way that is kept."""
        return self.epsilon


class ReplacingEmaRecipe(Recipe):
    """The moving average that replaces the weights: every k steps theta <- alpha old + (1 - alpha) theta (arXiv 2506.00288).

    With every_steps 1 this is the learning rate times 1 - alpha, for SGD and AdamW: compare with such a run before you credit the average.
    """

    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.92
    """Weight of the old weights (the paper's)."""
    every_steps: PositiveInt = 1
    """Steps between two averages (the paper: 1 for Basque and Indonesian, 10 for Arabic)."""

    @property
    def kept(self) -> float:
        """Share of the way that is kept."""
        return 1 - self.alpha


class ForgetEmbeddingsRecipe(Recipe):
    """Draw the input embeddings anew every k steps (active forgetting, arXiv 2307.01163), so that the body learns to do with new ones."""

    every_steps: PositiveInt = 1000
    """Steps between two draws (1,000 in the paper). The last step never forgets."""
    std: Above0 = 0.02
    """Standard deviation of the new embeddings."""


class AveragingRecipe(Recipe):
    """What happens to weights beside the optimizer's steps."""

    ema: EmaRecipe | None = None
    """A moving average beside the run; null: none."""
    reptile: ReptileRecipe | None = None
    """Reptile's step; null: none."""
    replacing_ema: ReplacingEmaRecipe | None = None
    """A moving average that replaces the weights; null: none."""
    forget_embeddings: ForgetEmbeddingsRecipe | None = None
    """Active forgetting; null: none."""

    @model_validator(mode="after")
    def _one_pull(self) -> "AveragingRecipe":
        if self.reptile is not None and self.replacing_ema is not None:
            raise ValueError("reptile and replacing_ema do the same (epsilon = 1 - alpha); give one of them")
        return self
