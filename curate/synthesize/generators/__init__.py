"""Generators answer requests. `base.py` is the interface, `local.py` and `openai.py` implement it."""

from pathlib import Path

from curate.errors import CurateError
from curate.synthesize.generators.base import Generator
from curate.synthesize.generators.local import TransformersGenerator, model_name
from curate.synthesize.generators.openai import OpenAIGenerator
from curate.synthesize.generators.recipe import AnyGenerator, OpenAIRecipe, TransformersRecipe


def make_generator(recipe: AnyGenerator, budget: Path, *, chat: bool, share: float) -> Generator:
    """`share`: this process's part of the recipe's rate limits. Raises CurateError if a key, a library or a model is missing."""
    if isinstance(recipe, OpenAIRecipe):
        return OpenAIGenerator(recipe, budget, share, chat=chat)
    if isinstance(recipe, TransformersRecipe):
        return TransformersGenerator(recipe, chat=chat)
    raise CurateError("generator.kind rules: this task asks a model; set kind to openai or transformers, or choose a task with a miner")


def generator_model(recipe: AnyGenerator) -> str:
    """The model's name in keys and provenance; `rules` for miners."""
    if isinstance(recipe, TransformersRecipe):
        return model_name(recipe)
    return recipe.model if isinstance(recipe, OpenAIRecipe) else "rules"
