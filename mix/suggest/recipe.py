"""The recipe of `mix suggest`: which losses matter, how much may be forgotten, and what the sources hold."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mix.recipe import Folders
from shards.amounts import Tokens
from shards.recipe import Recipe

_PERCENT = re.compile(r"\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*%\s*", re.IGNORECASE)


def _read_share(value: Any) -> Any:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) / 100 if match else value


def _read_increase(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        raise ValueError(f"{value:g} would be {value:.0%}; write {value:g}%, or a number below 1")
    return _read_share(value)


Share = Annotated[float, BeforeValidator(_read_share), Field(ge=0, le=1)]
"""A share of the tokens: 0.25 or 25%."""

Increase = Annotated[float, BeforeValidator(_read_increase), Field(ge=0, le=10)]
"""A relative increase of a loss: 0.02 or 2%."""


class ForgettingRecipe(Recipe):
    """How much the losses may rise above those of the base model."""

    max_general_increase: Increase | None = None
    """Largest relative increase of the loss of every domain outside `target`: 2% or 0.02. null: no such limit."""

    increase: dict[str, Increase] = Field(default_factory=dict)
    """Largest relative increase by domain; takes precedence over `max_general_increase`, and may name a domain of `target`."""


class SizeRecipe(Recipe):
    """What a source holds, and how often it may be repeated."""

    tokens: Annotated[Tokens | Folders, Field(union_mode="left_to_right", exclude=True)]
    """Real tokens of the source: an amount, or the folder of its tokens set, or a list of folders."""

    max_epochs: float = Field(4.0, gt=0)
    """Upper limit of epochs over the source in the final run. Up to 4 cost little (arXiv 2305.16264)."""


class PredictRecipe(Recipe):
    """The run whose losses are predicted, for laws that know its size or length."""

    tokens: Tokens | None = None
    """Tokens of continued pre-training. null: as many as the runs of the evidence had."""

    parameters: Tokens | None = None
    """Parameters of the model. null: as many as the models of the evidence have."""

    pretraining_tokens: Tokens | None = None
    """Tokens that its base model was trained on. null: as in the evidence."""


class ScheduleRecipe(Recipe):
    """A learning-rate schedule, with the keys and defaults of train.yaml."""

    kind: Literal["wsd", "cosine", "linear", "constant"] = "wsd"
    """constant stays at the peak after the warm-up; linear and cosine fall until the end; wsd stays, and falls in the last part."""

    warmup_steps: int | None = Field(None, ge=0)
    """Steps of linear warm-up. null: `warmup_share` of all steps."""

    warmup_share: float = Field(0.01, ge=0, le=1)
    """Share of all steps that warm up."""

    start_share: float = Field(0.0, ge=0, le=1)
    """Learning rate at the start of the warm-up, as a share of the peak."""

    decay_share: float = Field(0.2, ge=0, le=1)
    """wsd: share of all steps in which the rate falls."""

    decay_shape: Literal["linear", "cosine", "sqrt"] = "sqrt"
    """wsd: shape of the fall."""

    final_share: float = Field(0.0, ge=0, le=1)
    """Learning rate at the end, as a share of the peak."""


class RatesRecipe(Recipe):
    """Candidates for learning rate, tokens and ratio together, compared by the laws of learning rates (arXiv 2505.07796)."""

    lr: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    """Peak learning rates."""

    tokens: list[Tokens] = Field(min_length=1)
    """Numbers of tokens to train on."""

    tokens_per_step: Tokens
    """Real tokens of one optimizer step, in the runs of the evidence as in the candidates: learning rates of other batch sizes cannot be compared."""

    shares: list[dict[str, Share]] = Field(default_factory=list)
    """Ratios; sources that are left out get none. Empty: the ratios of the runs, and the suggested one."""

    schedule: ScheduleRecipe = Field(default_factory=lambda: ScheduleRecipe.model_validate({}))
    """Schedule of the candidates."""


class SuggestRecipe(Recipe):
    """Recipe of `mix suggest`."""

    name: str = "suggestion"
    """Name of the suggestion; the mix recipe that is written has it, too."""

    fit: Path = Field(exclude=True)
    """Output folder of `mix fit`: the runs and the laws fitted to them."""

    target: dict[str, Annotated[float, Field(ge=0)]] = Field(min_length=1)
    """Domains whose losses are to be low, with their relative weights. The weighted mean of their losses is minimised."""

    budget: ForgettingRecipe = Field(default_factory=ForgettingRecipe)
    """Limits of forgetting, measured over the losses of the base model in the table of runs."""

    tokens: Tokens | None = None
    """Real tokens of the final run: they decide how often each source is repeated. null: the tokens of the stage in `mix`."""

    mix: Path | None = Field(None, exclude=True)
    """A mix recipe with one stage. Its sources limit the shares by their sizes, `max_epochs` and `max_tokens`, and a copy of it with the suggested
    weights is written to mix.yaml. null: no mix recipe is written."""

    sources: dict[str, SizeRecipe] = Field(default_factory=dict)
    """Sizes of sources where no `mix` is given. A source that is not listed has no limit."""

    content: Literal["refuse", "ignore"] = "refuse"
    """What happens if a source in `mix` or `sources` holds other tokens than in the runs of the fit. refuse: the suggestion is refused. ignore: the runs
    are taken to be valid for the new content."""

    bounds: dict[str, tuple[Share, Share]] = Field(default_factory=dict)
    """Smallest and largest share by source: [0.05, 0.5] or [5%, 50%]."""

    prior: dict[str, Share] | None = None
    """Shares to stay close to, such as those of the base model's data; the pull is proportional to the Kullback-Leibler divergence from them. null: none."""

    prior_strength: Literal["auto"] | Annotated[float, Field(ge=0)] = "auto"
    """Weight of the divergence from `prior`, in units of the target loss per nat. auto: the weight that predicts the losses of held-out ratios best, which
    is 0 where ratios far from the prior turn out no worse than predicted. 0: the prior is ignored."""

    predict: PredictRecipe = Field(default_factory=PredictRecipe)
    """The run whose losses are predicted. Predictions for other numbers than those of the evidence rest on the form of the law."""

    rates: RatesRecipe | None = None
    """Learning rates, tokens and ratios to compare with each other; needs runs with several learning rates, and losses along them. null: none."""

    extrapolate: bool = False
    """Whether the suggestion may leave the convex hull of the ratios that were run. Predictions there rest on the form of the law alone."""

    seed: int = Field(0, ge=0)
    """Seed of the resamples."""

    out: Path = Field(exclude=True)
    """Output folder."""

    @field_validator("bounds")
    @classmethod
    def _bounds_are_intervals(cls, bounds: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in bounds.items():
            if low > high:
                raise ValueError(f"{name}: {low:g} is above {high:g}; write [smallest, largest]")
        return bounds

    @model_validator(mode="after")
    def _consistent(self) -> "SuggestRecipe":
        if sum(self.target.values()) <= 0:
            raise ValueError("target: all weights are 0; give one domain a weight")
        if self.mix is not None and self.sources:
            raise ValueError("sources: the sizes of the sources are read from `mix`; leave one of them out")
        if self.sources and self.tokens is None:
            raise ValueError("tokens: required with `sources`: the tokens of the final run say how often a source would be repeated")
        if self.prior is not None and abs(sum(self.prior.values()) - 1) > 1e-3:
            raise ValueError(f"prior: the shares sum to {sum(self.prior.values()):.4g}; make them sum to 1")
        return self
