"""The part of a training recipe about which parameters are trained."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from shards.recipe import Recipe

Names = Annotated[list[str], Field(min_length=1)]


class ExpandRecipe(Recipe):
    """Block expansion (LLaMA Pro, arXiv 2401.02415): copies of layers that add zeros at first, spread evenly over the depth."""

    blocks: PositiveInt
    """Number of new layers, at most as many as the model has. LLaMA Pro: 8 for a model of 32 layers."""


class LoraRecipe(Recipe):
    """Low-rank adapters beside frozen weights (arXiv 2106.09685), by peft."""

    rank: PositiveInt = 16
    """Rank of the change of each matrix. Continued pre-training needs higher ranks than fine-tuning: up to 256 in arXiv 2405.09673."""
    alpha: Annotated[float, Field(gt=0)] | None = None
    """The change is scaled by alpha / rank; null: twice the rank, as arXiv 2405.09673 recommends."""
    targets: Literal["all-linear"] | Names = "all-linear"
    """Weights that get an adapter: ends of their modules' names (q_proj, v_proj), or all linear layers except the head. In a mixture of experts,
    all-linear includes every expert and excludes the routers, which decide what the experts were trained for; a router that is named gets one."""
    dora: bool = False
    """Train the length of each output's weights separately from their direction (DoRA, arXiv 2402.09353)."""
    rank_stabilized: bool = False
    """Scale by alpha / sqrt(rank) (rsLoRA, arXiv 2312.03732), which keeps high ranks learning."""


class QuantizeRecipe(Recipe):
    """Keep the frozen weights under adapters in 4 bits (QLoRA, arXiv 2305.14314), by bitsandbytes."""

    kind: Literal["nf4", "fp4"] = "nf4"
    """The 16 values that a weight can take, scaled by the largest value in its block of 64; nf4 did better in the paper."""
    double: bool = True
    """Also quantise the scales of the blocks (saves 0.37 bits per weight)."""
    merge_into: Literal["quantized", "original"] = "quantized"
    """The weights that the adapters are added to in the saved model. quantized: those of the run, which gives exactly the trained model. original: the
    base model's."""


class AdaptStageRecipe(Recipe):
    """A stretch of steps that trains only some parameters."""

    train: Names
    """Groups (all, embeddings, head, norms, biases, layers, layers[4:8], layers[-1], new_blocks, adapters) or patterns of parameter names."""
    steps: PositiveInt | None = None
    """Optimizer steps of this stage; null: given by `share`, or all remaining steps."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the run's steps."""

    @model_validator(mode="after")
    def _one_length(self) -> "AdaptStageRecipe":
        if self.steps is not None and self.share is not None:
            raise ValueError("steps and share: give one of them")
        return self


class AdaptRecipe(Recipe):
    """Which parameters are trained; without this part, all of them."""

    expand: ExpandRecipe | None = None
    """Add layers. Only these are trained, unless `train` or `stages` say otherwise."""
    lora: LoraRecipe | None = None
    """Add adapters. Only these are trained, unless `train` or `stages` say otherwise."""
    quantize: QuantizeRecipe | None = None
    """Keep the weights under the adapters in 4 bits; needs `lora` and runs on one device."""
    train: Names | None = None
    """Parameters trained throughout the run: groups or patterns as in `stages`."""
    stages: list[AdaptStageRecipe] = []
    """Parameters trained in consecutive stages, e.g. embeddings first (Chinese-LLaMA, arXiv 2304.08177). The last stage takes the remaining steps.
    Parameters frozen in a stage get no updates or weight decay; their optimizer state is kept."""

    @model_validator(mode="after")
    def _agrees(self) -> "AdaptRecipe":
        if self.train is not None and self.stages:
            raise ValueError("train and stages: give one of them")
        if self.quantize is not None and self.lora is None:
            raise ValueError("quantize: 4-bit weights cannot be trained; add lora")
        if self.quantize is not None and self.expand is not None:
            raise ValueError("quantize: new 4-bit blocks cannot be trained; leave out expand")
        for number, stage in enumerate(self.stages):
            if (stage.steps is None and stage.share is None) != (number == len(self.stages) - 1):
                raise ValueError(
                    f"stages.{number}: every stage but the last needs steps or share, and the last must have neither: it takes the remaining steps"
                )
        return self

    def trained(self) -> list[Names]:
        """Groups and patterns that each stage trains."""
        if self.stages:
            return [stage.train for stage in self.stages]
        return [self.train or (["adapters"] if self.lora else []) + (["new_blocks"] if self.expand else []) or ["all"]]
