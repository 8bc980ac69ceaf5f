"""The recipe of `curate synthesize`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from curate.synthesize.gates.recipe import AnyGate
from curate.synthesize.generators.recipe import AnyGenerator, RulesRecipe
from curate.synthesize.task import TaskRecipe, fill_task, load_task
from shards.recipe import Recipe


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class SynthesizeRecipe(Recipe):
    """Everything `curate synthesize` needs."""

    name: str = ""
    """Name of the run, and `source` of its documents. Default: the task's name."""
    inputs: Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)] = Field(exclude=True)
    """Folders of documents sets, or outputs of `curate run`. Their content is in the lineage, their place does not count."""
    task: str = Field(exclude=True)
    """A shipped task by name (`curate tasks` lists them), or the path of a YAML file. What it says counts, not its place."""
    task_options: dict[str, Any] = {}
    """Values for the task's `options`: {language: Swahili}."""
    generator: AnyGenerator = RulesRecipe(kind="rules")
    """Who answers."""
    sampling: dict[str, Any] = {}
    """Keys of `sampling` that replace the task's: {temperature: 0, samples: 4}."""
    gates: tuple[AnyGate, ...] = ()
    """What candidates must pass beside the task's own gates."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """The first so many documents only. null: all."""
    stop_after: Annotated[int, Field(ge=1)] | None = Field(default=50, exclude=True)
    """Stop when so many answers came and none could be parsed, or so many requests were refused and none answered. null: never."""
    allow_missing: bool = Field(default=False, exclude=True)
    """Finish although some requests have no answer after all retries; they get a verdict. Default: stop, so that a rerun asks again."""
    out: str = Field(default="", exclude=True)
    """Output folder."""
    workers: Annotated[int, Field(ge=1)] = Field(default=1, exclude=True)
    """Processes. One keeps thousands of requests in flight; more help with costly parsing and gates."""
    engine: EngineRecipe = Field(default=EngineRecipe(), exclude=True)
    """Where shards are worked on: this machine, Slurm, or Ray."""


def prepare_task(recipe: SynthesizeRecipe) -> TaskRecipe:
    """The recipe's task with the recipe's options, sampling and gates in it. Raises CurateError, RecipeError for what does not fit together."""
    task = load_task(recipe.task)
    task = task.model_copy(update={"gates": (*task.gates, *recipe.gates)})
    task = fill_task(task, recipe.task_options, recipe.sampling, recipe.task)
    for gate in task.gates:
        gate.check()
    if task.miner is None and isinstance(recipe.generator, RulesRecipe):
        raise CurateError(f"task {task.name} asks a model; give a `generator` of kind openai or transformers")
    if task.miner is not None and not isinstance(recipe.generator, RulesRecipe):
        raise CurateError(f"task {task.name} works by rules; leave `generator` out, or give {{kind: rules}}")
    return task
