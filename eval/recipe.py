"""Recipe of `evaluate run`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from eval.long_context.recipe import LongContextRecipe
from shards.amounts import Bytes, Tokens
from shards.held_out import DomainRecipe
from shards.recipe import Recipe
from shards.round_trip import LIMIT


class SeedNoiseRecipe(Recipe):
    """How much runs of one recipe differ by their seed alone."""

    deviation: float = Field(gt=0)
    """Standard deviation in bits per byte."""
    degrees: float = Field(gt=0)
    """Degrees of freedom that it is known with: the number of runs that it was measured on, less one for each recipe among them."""


class ChainStep(Recipe):
    """A step of a chain of models, each trained from the one before."""

    model: str
    """Name of the model after this step."""
    domain: str
    """Name of the domain that the step trained on."""


class EvaluateRecipe(Recipe):
    """Which models to score on which held-out text, and how precisely."""

    name: str
    """Label of the evaluation."""
    seed: int = 0
    """Seed of the bootstrap."""
    models: dict[str, Path] = Field(min_length=1)
    """Hugging Face folders of causal language models (config.json, safetensors, tokenizer.json) by name."""
    baseline: str
    """Name of the model that the others are compared with, usually the one that training started from."""
    recipes: dict[str, list[str]] = {}
    """Names of models that one training recipe gave with different seeds, by the recipe's name. Recipes are compared with an error that includes the
    spread between seeds; models that are in no recipe are compared as checkpoints, whose verdicts say nothing about another seed."""
    seed_noise: float | dict[str, float | SeedNoiseRecipe] | Path | None = None
    """Standard deviation of bits per byte between seeds, if known from elsewhere: a number, `{domain: number}`, `{domain: {deviation, degrees}}`, the
    output folder of an evaluation with recipes, or a table of runs (.csv, as `mix runs` writes it). A bare number counts as exact. Differences of
    checkpoints that other seeds could have made are marked. null: measured on `recipes`, if there are any."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name: a documents set, or `{documents, role, max_documents, max_bytes_per_document, clusters}`."""
    slices: list[str] = []
    """Parts of the domains to look at, too: by `source`, `language`, another column, `url_host`, `year`, `length` or `metadata.KEY`."""
    length_edges: list[Bytes] = []
    """Upper limits in bytes of all but the last band of the slice `length`. Empty: the quartiles of each domain."""
    chain: list[ChainStep] = []
    """Models trained one from another, the first from the baseline, each on a domain of its own: gives backward and forward transfer."""
    max_lost: float = Field(LIMIT, ge=0, le=1)
    """Largest share of a domain's bytes that a tokenizer may lose, to unknown tokens or to normalisation; text that is lost costs no bits. With the
    default, what is lost stays below the differences that held-out sets of usual size can show."""
    allow_lossy: bool = False
    """Score models whose tokenizer loses more; they get no verdicts. Otherwise they are refused."""
    train_documents: list[Path] = []
    """Documents sets that the models were trained on, in which held-out documents are looked for: equal, nearly equal, or for the most part contained in a
    longer one. What is in the training set of one model counts for all, so that they are compared on the same text. Empty: not checked."""
    contamination: Path | None = None
    """Output folder of `curate overlap` that compared these documents with the training sets, in place of `train_documents`: for large sets, since it takes
    any number of processes, and for other thresholds."""
    contaminated: Literal["refuse", "report", "leave_out"] = "refuse"
    """What to do with held-out documents that stand in a training set. refuse: end if one is a training document or nearly one (kinds exact and near), and
    report the rest. report: score all, and show scores without these documents beside the others. leave_out: score only the others."""
    context_tokens: Tokens = 1024
    """Upper limit of the tokens before a prediction; must not exceed the context of any model."""
    stride_tokens: Tokens | None = None
    """Tokens by which windows advance over documents longer than the context; null: `context_tokens`, windows without overlap.
    Half of `context_tokens` gives every token at least half the context, at twice the cost."""
    bos_every_window: bool | Literal["auto"] = "auto"
    """Put the beginning-of-text token before every window of a long document, and not only before the document. auto: for Gemma models, which predict
    badly without it."""
    long_context: LongContextRecipe | None = None
    """Nats per token by position and needle retrieval at these lengths; null: not measured."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype that the models compute in, independent of their files. With float32, all machines agree."""
    batch_tokens: Tokens = 8192
    """Tokens per forward pass, including padding; the logits of this many tokens must fit in memory."""
    n_resamples: int = Field(10_000, ge=100)
    """Bootstrap resamples; with 10,000, the ends of an interval vary by about 1% of its width between seeds."""
    tolerance: float = Field(0.01, ge=0)
    """Increase in bits per byte on `retain` domains that counts as harmless forgetting. The default is our choice: about 0.03 nats per token of English,
    the forgetting that remained in 10B-parameter models after replaying 5% of old data (Ibrahim et al. 2024, Pile to SlimPajama)."""
    device: str = Field("auto", exclude=True)
    """cpu, cuda, cuda:1, …; auto: a GPU if there is one."""
    threads: int | None = Field(None, ge=1, exclude=True)
    """CPU threads; null: torch's default."""
    work: Path | None = Field(None, exclude=True)
    """Folder in which evaluations share scores, so that a model is scored once on the same documents; null: `work` in the output folder."""
    out: Path = Field(exclude=True)
    """Folder for the scores."""

    @model_validator(mode="after")
    def _consistent(self) -> "EvaluateRecipe":
        if self.baseline not in self.models:
            raise ValueError(f"baseline: no model is called {self.baseline}, models are {', '.join(self.models)}")
        if self.long_context is not None and self.long_context.domain not in self.domains:
            raise ValueError(f"long_context.domain: no domain is called {self.long_context.domain}, domains are {', '.join(self.domains)}")
        if self.stride > self.context_tokens:
            raise ValueError("stride_tokens: larger than context_tokens, so tokens would be skipped")
        if self.context_tokens < 2 and self.bos_every_window is not False:
            raise ValueError("context_tokens: 1 leaves no room for a beginning-of-text token in every window; set at least 2, or bos_every_window: false")
        self._check_recipes()
        self._check_chain()
        if isinstance(self.seed_noise, dict) and (unknown := sorted(self.seed_noise.keys() - self.domains.keys())):
            raise ValueError(f"seed_noise: no domain is called {unknown[0]}, domains are {', '.join(self.domains)}")
        return self

    def _check_recipes(self) -> None:
        recipe_of: dict[str, str] = {}
        for name, models in self.recipes.items():
            if name in self.models:
                raise ValueError(f"recipes: {name} is also the name of a model; give the recipe another name")
            if not models:
                raise ValueError(f"recipes.{name}: no models; name the runs of this recipe")
            for model in models:
                if model not in self.models:
                    raise ValueError(f"recipes.{name}: no model is called {model}, models are {', '.join(self.models)}")
                if model in recipe_of:
                    raise ValueError(f"recipes.{name}: {model} is already a run of {recipe_of[model]}; a run belongs to one recipe")
                recipe_of[model] = name
        if self.recipes and self.seed_noise is None and all(len(models) == 1 for models in self.recipes.values()):
            raise ValueError("recipes: each has a single run, which says nothing about other seeds; add runs, or give seed_noise")

    def _check_chain(self) -> None:
        for step in self.chain:
            if step.model not in self.models:
                raise ValueError(f"chain: no model is called {step.model}, models are {', '.join(self.models)}")
            if step.model == self.baseline:
                raise ValueError(f"chain: {step.model} is the baseline, where the chain starts; name the models after each step")
            if step.domain not in self.domains:
                raise ValueError(f"chain: no domain is called {step.domain}, domains are {', '.join(self.domains)}")
        if self.chain and len(self.chain) < 2:
            raise ValueError("chain: one step has nothing to transfer to; give at least two")
        for key in ("model", "domain"):
            names = [getattr(step, key) for step in self.chain]
            if len(set(names)) < len(names):
                raise ValueError(f"chain: a {key} appears twice; each step has a model and a domain of its own")

    @property
    def stride(self) -> int:
        """`stride_tokens`, or its default."""
        return self.stride_tokens or self.context_tokens

    @property
    def work_folder(self) -> Path:
        """`work`, or its default."""
        return self.work or self.out / "work"
