"""The recipe of `curate synthesize`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from curate.synthesize.gates import AnyGate
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.generators.recipe import AnyGenerator, RulesRecipe
from curate.synthesize.task import TaskRecipe, fill_task, judge_task, load_task
from shards.recipe import Recipe


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class SynthesizeRecipe(Recipe):
    """The recipe of `curate synthesize`."""

    name: str = ""
    """Name of the run, and `source` of its documents. Default: the task's name."""
    inputs: Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)] = Field(exclude=True)
    """Folders of documents sets, or outputs of `curate run`. Their content enters the recipe's key, their paths do not."""
    task: str = Field(exclude=True)
    """A shipped task by name (`curate tasks` lists them), or the path of a YAML file. Its content enters the recipe's key, its path does not."""
    task_options: dict[str, Any] = {}
    """Values for the task's `options`: {language: Swahili}."""
    generator: AnyGenerator = RulesRecipe(kind="rules")
    """The model that answers, or `rules`."""
    sampling: dict[str, Any] = {}
    """Keys of `sampling` that replace the task's: {temperature: 0, samples: 4}."""
    gates: tuple[AnyGate, ...] = ()
    """Gates in addition to the task's own."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Use only the first `limit` documents. null: all."""
    stop_after: Annotated[int, Field(ge=1)] | None = Field(default=50, exclude=True)
    """Stop if none of the first `stop_after` requests gave an answer that can be parsed. null: never."""
    allow_missing: bool = Field(default=False, exclude=True)
    """Finish even if some requests have no answer after all retries; they get a verdict. Default: stop, so that a rerun asks again."""
    out: str = Field(default="", exclude=True)
    """Output folder."""
    workers: Annotated[int, Field(ge=1)] = Field(default=1, exclude=True)
    """Worker processes. One keeps thousands of requests in flight; more help where parsing or gates are slow."""
    engine: EngineRecipe = Field(default=EngineRecipe(), exclude=True)
    """Where shards are processed: on this machine, Slurm or Ray."""


def prepare_task(recipe: SynthesizeRecipe) -> TaskRecipe:
    """The recipe's task with the recipe's options, sampling and gates. Raises CurateError, RecipeError if they do not fit together."""
    task = load_task(recipe.task)
    task = task.model_copy(update={"gates": (*task.gates, *recipe.gates)})
    task = fill_task(task, recipe.task_options, recipe.sampling, recipe.task)
    for gate in task.gates:
        if isinstance(gate, JudgeGateRecipe):
            judge_task(gate)
        gate.check()
    if task.miner is None and isinstance(recipe.generator, RulesRecipe):
        raise CurateError(f"task {task.name} asks a model; set `generator` to kind openai or transformers")
    if task.miner is not None and not isinstance(recipe.generator, RulesRecipe):
        raise CurateError(f"task {task.name} works by rules; leave `generator` out, or set it to {{kind: rules}}")
    return task
