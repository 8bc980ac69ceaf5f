"""The steps in order. Signals see text as rewritten by line rules; duplicates are sought in the final text."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from curate.dedup.recipe import WithWords
from curate.recipe import CurateRecipe
from curate.steps.anchors import AnchorsStep
from curate.steps.batch import Step
from curate.steps.c4 import C4Step
from curate.steps.contamination import ContaminationStep
from curate.steps.embeddings import EmbeddingsStep
from curate.steps.http_status import HttpStatusStep
from curate.steps.identity import IdentityStep
from curate.steps.language import LanguageStep
from curate.steps.lines import LinesStep
from curate.steps.lists import ListsStep
from curate.steps.models import ModelsStep
from curate.steps.pii import PiiStep
from curate.steps.portions import check_portions
from curate.steps.shingles import ShinglesStep
from curate.steps.signals import SignalsSection, SignalsStep
from curate.steps.signatures import SignaturesStep
from curate.steps.unicode import UnicodeStep
from shards.record import json_hash

OFF = object()
"""Section of a step that the recipe does not ask for."""


def _asked(section: Any) -> Any:
    return OFF if section is None else section


def _with_words(recipe: CurateRecipe, section: Any) -> Any:
    return OFF if section is None else WithWords(recipe.words, section)


STEPS: tuple[tuple[type[Step[Any]], Callable[[CurateRecipe], Any]], ...] = (
    (HttpStatusStep, lambda recipe: None),
    (UnicodeStep, lambda recipe: OFF if recipe.unicode == "off" else recipe.unicode),
    (C4Step, lambda recipe: _asked(recipe.rewrite.c4)),
    (LanguageStep, lambda recipe: recipe.language),
    (SignalsStep, lambda recipe: SignalsSection(recipe.words, recipe.rules, recipe.signals)),
    (ModelsStep, lambda recipe: recipe.models or OFF),
    (ListsStep, lambda recipe: recipe.lists if recipe.lists.urls or recipe.lists.bad_words else OFF),
    (PiiStep, lambda recipe: _asked(recipe.rewrite.pii)),
    (ContaminationStep, lambda recipe: _asked(recipe.decontaminate)),
    (IdentityStep, lambda recipe: None),
    (SignaturesStep, lambda recipe: _with_words(recipe, recipe.dedup.minhash)),
    (EmbeddingsStep, lambda recipe: _asked(recipe.dedup.semantic)),
    (ShinglesStep, lambda recipe: _with_words(recipe, recipe.dedup.bloom)),
    (LinesStep, lambda recipe: _with_words(recipe, recipe.dedup.lines)),
    (AnchorsStep, lambda recipe: _asked(recipe.dedup.substring)),
)
"""Each step with its section of the recipe."""


def steps_key(recipe: CurateRecipe) -> list[Any]:
    """Everything that the measured tables depend on, besides the inputs and the version of the code."""
    return [[step.name, step.key(section)] for step, section in _wanted(recipe)]


def prepare_steps(recipe: CurateRecipe, folder: Path) -> None:
    """Prepare what must exist before the first batch. Raises CurateError for what a step cannot use."""
    for step, section in _wanted(recipe):
        step.prepare(section, folder)


_made: dict[str, Sequence[Step[Any]]] = {}


def make_steps(recipe: CurateRecipe, folder: Path) -> Sequence[Step[Any]]:
    """The recipe's steps, in order. Made once per process, since they load models.

    Raises CurateError for what a step cannot use.
    """
    key = json_hash([str(folder), steps_key(recipe)])
    if key not in _made:
        check_portions(recipe.words, recipe.rules, recipe.language)
        _made.clear()
        _made[key] = [step(section, folder) for step, section in _wanted(recipe)]
    return _made[key]


def _wanted(recipe: CurateRecipe) -> list[tuple[type[Step[Any]], Any]]:
    sections = [(step, section(recipe)) for step, section in STEPS]
    return [(step, section) for step, section in sections if section is not OFF]
