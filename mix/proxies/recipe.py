"""The recipe of `mix proxies`: which ratios are run, on which base, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mix.proxies.points import PointRecipe
from shards.amounts import Tokens
from shards.recipe import Recipe

Share = Annotated[float, Field(ge=0, le=1)]
Template = Path | dict[str, Any]

SET_BY_PROXIES = {
    "mix": ("stages", "tokens", "weights", "amounts", "temperature", "passes", "extends", "cap", "seed", "out", "rows"),
    "train": ("model", "mix", "seed", "out", "resume_from"),
    "evaluate": ("models", "baseline", "work", "out"),
}
"""Keys of each template that the runs differ in, or that decide where they are written."""


class GridRecipe(Recipe):
    """Ratios on a grid: all of them, or listed shares."""

    kind: Literal["grid"]
    step: float | None = Field(None, gt=0, le=1)
    """Distance of neighbouring shares; 1 / step must be a whole number. With n = 1 / step and k sources that is (n + k - 1)! / (n! (k - 1)!) ratios."""
    shares: dict[str, Annotated[list[Share], Field(min_length=1)]] = {}
    """Listed shares of all sources but one, e.g. `{general: [0, 0.05, 0.25, 0.5]}`: every combination whose sum is at most 1; the other source gets
    the rest."""

    @model_validator(mode="after")
    def _one_way(self) -> "GridRecipe":
        if (self.step is None) == (not self.shares):
            raise ValueError("give either step or shares")
        if self.step is not None and abs(round(1 / self.step) * self.step - 1) > 1e-9:
            raise ValueError(f"step: 1 / {self.step:g} is not a whole number; use 0.5, 0.25, 0.2, 0.1, 0.05, …")
        return self


class DirichletRecipe(Recipe):
    """Random ratios around a prior, as in RegMix (arXiv 2407.01492)."""

    kind: Literal["dirichlet"]
    n: int = Field(ge=1, le=100_000)
    """Number of ratios. RegMix used 512 for 17 sources; Olmix finds that a number proportional to the sources is enough."""
    prior: dict[str, Annotated[float, Field(gt=0)]] | None = None
    """Shares to draw around, relative, one for each source; null: the sources' tokens."""
    temperature: float = Field(0.5, gt=0)
    """Exponent of the prior; below 1 it raises small sources. The default is RegMix's."""
    strengths: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 5.0)
    """Range of the Dirichlet's strength: small ones give ratios near the corners, large ones near the prior. The default is RegMix's."""


class PointsRecipe(Recipe):
    """Given ratios: a confirmation of a suggestion, the next experiments, or a list."""

    kind: Literal["points"]
    file: Path | None = None
    """File of ratios, as `mix suggest` writes it."""
    points: list[PointRecipe] = []
    """Ratios listed here."""
    confirmation: bool = False
    """Whether the ratios listed here test a suggestion; a file says so itself."""

    @model_validator(mode="after")
    def _one_way(self) -> "PointsRecipe":
        if (self.file is None) == (not self.points):
            raise ValueError("give either file or points")
        return self


class NextRecipe(Recipe):
    """The ratios that a fit is least sure of, each given those before it. It needs the extra `laws`."""

    kind: Literal["next"]
    fit: Path
    """Output folder of `mix fit`."""
    n: int = Field(4, ge=1, le=1000)
    """Number of runs; a ratio that is chosen twice is run twice."""


Design = Annotated[GridRecipe | DirichletRecipe | PointsRecipe | NextRecipe, Field(discriminator="kind")]


class SeedsRecipe(Recipe):
    """Repeats: the same mix with other seeds, which is what the noise of a loss is known from."""

    repeats: Annotated[int, Field(ge=1, le=100)] = 3
    """Runs at each of the ratios in `at`, one of them with the seed that it would have had anyway."""
    at: Literal["middle", "all"] | list[dict[str, Share]] = "middle"
    """Which ratios are repeated: `middle`, the design's ratio nearest to the mean of all; `all`; or a list of ratios, which join the design."""


class ProxiesRecipe(Recipe):
    """Recipe of `mix proxies`."""

    name: str = "proxies"
    """Name of the experiments; the names of mixes, runs and evaluations begin with it."""

    seed: int = Field(0, ge=0)
    """Decides the seeds of all runs, and the ratios that a design draws."""

    base: Annotated[Path, Field(exclude=True)]
    """Folder of the model that training starts from (Hugging Face, safetensors). `train init` makes one with random weights."""

    mix: Annotated[Template, Field(exclude=True)]
    """Mix recipe without stages: its keys, or its path. Its sources are those whose shares vary."""

    train: Annotated[Template, Field(exclude=True)]
    """Training recipe without `model`, `mix`, `seed` and `out`: its keys, or its path. Without `threads` it gets 1, so that results do not depend on the
    machine."""

    evaluate: Annotated[Template, Field(exclude=True)]
    """Evaluation recipe without `models`, `baseline` and `out`: its keys, or its path. Its domains are the losses in the table of runs."""

    tokens: Tokens
    """Real tokens of each run."""

    design: Design
    """Which ratios are run."""

    kinds: list[Literal["trained", "merged"]] = Field(["trained"], min_length=1)
    """trained: a run of training for each ratio. merged: one expert for each source is trained on that source alone, and each ratio is imitated by
    adding their changes to the base in that ratio (arXiv 2601.17858): θ = θ0 + Σ share · (θ_expert - θ0). With both, each ratio is run in both ways."""

    expert_tokens: Tokens | None = None
    """Real tokens that each expert of merged runs is trained on; null: `tokens`, so that experts are at the same time trained runs of one source."""

    seeds: SeedsRecipe | None = SeedsRecipe()
    """Repeats of trained runs; null: none. A confirmation has the repeats of its points instead."""

    lr: list[Annotated[float, Field(gt=0)]] = []
    """Peak learning rates; each ratio is trained at each of them. Empty: that of `train`."""

    workers: int = Field(1, ge=1, exclude=True)
    """Runs at the same time. The result does not depend on it."""

    gpus: Annotated[list[str], Field(exclude=True)] = []
    """GPUs as CUDA numbers them, e.g. `["0", "1"]`; each worker's runs see one of them. Empty: each run sees all."""

    tokens_per_second: Annotated[Tokens | None, Field(exclude=True)] = None
    """Training speed of one run, for the hours of --dry-run; null: hours are measured on finished runs."""

    out: Annotated[Path, Field(exclude=True)] = Path("proxies")
    """Output folder."""

    @field_validator("mix", "train", "evaluate", mode="before")
    @classmethod
    def _of_a_path(cls, value: Any) -> Any:
        return Path(value) if isinstance(value, str) else value

    @field_validator("kinds", "lr", "gpus")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        if len(set(values)) < len(values):
            raise ValueError("lists a value twice")
        return values

    @model_validator(mode="after")
    def _experts_are_merged(self) -> "ProxiesRecipe":
        if self.expert_tokens is not None and "merged" not in self.kinds:
            raise ValueError("expert_tokens: only merged runs have experts; add merged to kinds")
        return self
