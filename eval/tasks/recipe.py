"""Recipe of `evaluate tasks`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from shards.amounts import Tokens
from shards.names import name_problem
from shards.recipe import Recipe
from shards.round_trip import LIMIT as LOST_LIMIT

LIMIT = 500


class TaskRecipe(Recipe):
    """One task: `{suite, path}` of a ready suite, `{items: FILE}` of your own questions, or `{yaml: FILE}` of lm-evaluation-harness."""

    suite: str | None = None
    """Name of a ready suite (`evaluate suites` lists them)."""
    path: Path | None = None
    """File or folder with the suite's data as published, or a documents set for suites that are made from your own text."""
    items: Path | None = None
    """JSON lines with `context`, and `choices` and `gold`, or `continuation`."""
    yaml: Path | None = None
    """A task file of lm-evaluation-harness whose data are local (`dataset_path: json`). Python that it names with `!function` is run."""
    limit: int | None = Field(None, ge=1)
    """Upper limit of items; a fixed random sample is taken. Null: the recipe's `limit`."""
    shots: int | None = Field(None, ge=0)
    """Examples before each question; null: as many as the suite usually has."""
    only: list[str] = []
    """Subjects, languages or request files of the suite to read; empty: all."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "TaskRecipe":
        given = [name for name in ("suite", "items", "yaml") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of suite, items and yaml, got {' and '.join(given) or 'none of them'}")
        if (self.suite is None) != (self.path is None):
            raise ValueError("suite and path go together: the name of the suite, and where its files lie")
        if self.suite is None and (self.shots is not None or self.only):
            raise ValueError("shots and only are for suites; items hold their examples in the context, and a yaml file says num_fewshot")
        return self


class TasksRecipe(Recipe):
    """Which models to ask which questions, and how they are compared."""

    name: str
    """Label of the evaluation."""
    seed: int = 0
    """Seed of the samples that limits take, and of resampling."""
    models: dict[str, Path] = Field(min_length=1)
    """Hugging Face folders of causal language models (config.json, safetensors, tokenizer.json) by name."""
    baseline: str
    """Name of the model that the others are compared with, usually the one that training started from."""
    recipes: dict[str, list[str]] = {}
    """Names of models that one training recipe gave with different seeds, by the recipe's name. Recipes are compared with an error that includes the spread
    between seeds."""
    results: list[Path] = []
    """Output folders of earlier `evaluate tasks`, whose models are compared, too, if they were asked the same questions."""
    tasks: dict[str, TaskRecipe] = Field(min_length=1)
    """Tasks by name."""
    limit: int = Field(LIMIT, ge=1)
    """Upper limit of items of each task; a fixed random sample is taken. All 67,000 pairs of BLiMP take a model of 3 million parameters a quarter of an hour on
    two cores, and 500 items see changes of accuracy of about 5 points."""
    context_tokens: Tokens | None = None
    """Upper limit of the tokens of context and answer; null: the shortest context of the models."""
    unfit: Literal["refuse", "leave_out"] = "refuse"
    """What to do with an item that is longer than `context_tokens`, or whose answer has no token of its own: end with its name, or leave it out for all
    models."""
    max_lost: float = Field(LOST_LIMIT, ge=0, le=1)
    """Largest share of a task's answers, in bytes, that a tokenizer may lose to unknown tokens or to normalisation; text that is lost costs no bits."""
    allow_lossy: bool = False
    """Ask models whose tokenizer loses more; they get no verdicts. Otherwise they are refused."""
    add_bos: bool | None = None
    """Whether a context starts with the beginning-of-text token; null: as the model's tokenizer does."""
    train_documents: list[Path] = []
    """Documents sets that the models were trained on. Items that stand in one of them are reported, and scores without them stand beside the others. Items
    count for all models alike. Empty: not checked."""
    contamination: Path | None = None
    """Output folder of an earlier comparison of the same items, so that it is not made again; `work` in the output folder of `evaluate tasks` holds one."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype that the models compute in, independent of their files. With float32, all machines agree but for near ties."""
    batch_size: int = Field(16, ge=1)
    """Requests of a forward pass. Log-likelihoods depend on it by rounding, up to about 3e-5."""
    n_resamples: int = Field(10_000, ge=100)
    """Bootstrap resamples."""
    device: str = Field("auto", exclude=True)
    """cpu, cuda, cuda:1, …; auto: a GPU if there is one."""
    threads: int | None = Field(None, ge=1, exclude=True)
    """CPU threads; null: torch's default."""
    work: Path | None = Field(None, exclude=True)
    """Folder in which evaluations share answers, so that a model is asked once; null: `work` in the output folder."""
    out: Path = Field(exclude=True)
    """Folder for the results."""

    @model_validator(mode="after")
    def _consistent(self) -> "TasksRecipe":
        if self.baseline not in self.models and not self.results:
            raise ValueError(f"baseline: no model is called {self.baseline}, models are {', '.join(self.models)}")
        self._check_recipes()
        for name in self.tasks:
            if problem := name_problem(name):
                raise ValueError(f"tasks: {name!r} is no name of a task: {problem}")
        return self

    def _check_recipes(self) -> None:
        recipe_of: dict[str, str] = {}
        for name, members in self.recipes.items():
            if name in self.models:
                raise ValueError(f"recipes: {name} is also the name of a model; give the recipe another name")
            if not members:
                raise ValueError(f"recipes.{name}: no models; name the runs of this recipe")
            for model in members:
                if model not in self.models and not self.results:
                    raise ValueError(f"recipes.{name}: no model is called {model}, models are {', '.join(self.models)}")
                if model in recipe_of:
                    raise ValueError(f"recipes.{name}: {model} is already a run of {recipe_of[model]}; a run belongs to one recipe")
                recipe_of[model] = name
        if self.recipes and all(len(members) == 1 for members in self.recipes.values()):
            raise ValueError("recipes: each has a single run, which says nothing about other seeds; add runs")

    @property
    def work_folder(self) -> Path:
        """`work`, or its default."""
        return self.work or self.out / "work"

    def limit_of(self, task: str) -> int:
        """The task's own limit, or that of all tasks."""
        return self.tasks[task].limit or self.limit
