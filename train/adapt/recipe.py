"""The part of a training recipe that says what is trained."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from shards.recipe import Recipe

Names = Annotated[list[str], Field(min_length=1)]


class ExpandRecipe(Recipe):
    """Block expansion (LLaMA Pro, arXiv 2401.02415): copies of layers that add nothing at first, spread evenly over the depth."""

    blocks: PositiveInt
    """New layers, at most as many as the model has. LLaMA Pro: 8 to 32."""


class LoraRecipe(Recipe):
    """Low-rank adapters beside frozen weights (arXiv 2106.09685), by peft."""

    rank: PositiveInt = 16
    """Rank of the change of each matrix. Continued pre-training wants more than tuning: up to 256 in arXiv 2405.09673."""
    alpha: Annotated[float, Field(gt=0)] | None = None
    """The change is scaled by alpha / rank; null: twice the rank, as arXiv 2405.09673 advises."""
    targets: Literal["all-linear"] | Names = "all-linear"
    """Modules that get an adapter: the ends of their names (q_proj, v_proj), or all linear layers but the head."""
    dora: bool = False
    """Train the length of each output's weights apart from their direction (DoRA, arXiv 2402.09353)."""
    rank_stabilized: bool = False
    """Scale by alpha / sqrt(rank) (rsLoRA, arXiv 2312.03732), which keeps high ranks learning."""


class QuantizeRecipe(Recipe):
    """Keep the frozen weights under adapters in 4 bits (QLoRA, arXiv 2305.14314), by bitsandbytes."""

    kind: Literal["nf4", "fp4"] = "nf4"
    """The 16 values that a weight can take, times the largest of its 64 neighbours; nf4 did better in the paper."""
    double: bool = True
    """Quantise those largest values, too (0.37 bits a weight less)."""
    merge_into: Literal["quantized", "original"] = "quantized"
    """What the saved model adds the adapters to: the weights as the run saw them, which gives exactly the model that was trained, or the base model's own."""


class StageRecipe(Recipe):
    """Some steps in which only some parameters move."""

    train: Names
    """Groups (all, embeddings, head, norms, biases, layers, layers[4:8], layers[-1], new_blocks, adapters) or patterns of parameter names."""
    steps: PositiveInt | None = None
    """Optimizer steps of this stage; null: by `share`, or all that are left."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the run's steps."""

    @model_validator(mode="after")
    def _one_length(self) -> "StageRecipe":
        if self.steps is not None and self.share is not None:
            raise ValueError("steps and share: give one of them")
        return self


class AdaptRecipe(Recipe):
    """What of the model is trained; without this part, all of it."""

    expand: ExpandRecipe | None = None
    """Add layers; only they are trained unless `train` or `stages` say otherwise."""
    lora: LoraRecipe | None = None
    """Train adapters; only they are trained unless `train` or `stages` say otherwise."""
    quantize: QuantizeRecipe | None = None
    """Keep the weights under the adapters in 4 bits; needs `lora`, runs on one device."""
    train: Names | None = None
    """What is trained from start to end: groups or patterns as in `stages`."""
    stages: list[StageRecipe] = []
    """What is trained, in stages one after the other, e.g. embeddings first (Chinese-LLaMA, arXiv 2304.08177). The last takes the steps that are left.
    What rests in a stage neither moves nor decays, and its optimizer state waits."""

    @model_validator(mode="after")
    def _agrees(self) -> "AdaptRecipe":
        if self.train is not None and self.stages:
            raise ValueError("train and stages: give one of them")
        if self.quantize is not None and self.lora is None:
            raise ValueError("quantize: weights in 4 bits cannot be trained; add lora")
        if self.quantize is not None and self.expand is not None:
            raise ValueError("quantize: new blocks in 4 bits cannot be trained; leave out expand")
        for number, stage in enumerate(self.stages):
            if (stage.steps is None and stage.share is None) != (number == len(self.stages) - 1):
                raise ValueError(f"stages.{number}: every stage but the last needs steps or share, the last takes what is left")
        return self

    def trained(self) -> list[Names]:
        """What each stage trains, in words of the recipe."""
        if self.stages:
            return [stage.train for stage in self.stages]
        return [self.train or (["adapters"] if self.lora else []) + (["new_blocks"] if self.expand else []) or ["all"]]
