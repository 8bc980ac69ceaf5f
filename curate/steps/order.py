"""Which steps there are, and their order: rules see the text as rewritten by rules for lines, copies are looked for in the final text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from curate.steps.shingles import ShinglesStep
from curate.steps.signals import SignalsStep
from curate.steps.signatures import SignaturesStep
from curate.steps.unicode import UnicodeStep
from shards.record import json_hash

STEPS: tuple[type[Step], ...] = (
    HttpStatusStep,
    UnicodeStep,
    C4Step,
    LanguageStep,
    SignalsStep,
    ModelsStep,
    ListsStep,
    PiiStep,
    ContaminationStep,
    IdentityStep,
    SignaturesStep,
    EmbeddingsStep,
    ShinglesStep,
    LinesStep,
    AnchorsStep,
)


def steps_key(recipe: CurateRecipe) -> list[Any]:
    """What all that is measured depends on, beside the inputs and the code's version."""
    return [[step.__name__, key] for step, key in _wanted(recipe)]


def prepare_steps(recipe: CurateRecipe, folder: Path) -> None:
    """What must be there before the first batch. Raises CurateError for what a step cannot use."""
    for step, _ in _wanted(recipe):
        step.prepare(recipe, folder)


_made: dict[str, Sequence[Step]] = {}


def make_steps(recipe: CurateRecipe, folder: Path) -> Sequence[Step]:
    """The recipe's steps, ready to be applied in order; made once in a process, for they load models.

    Raises CurateError for what a step cannot use.
    """
    key = json_hash([str(folder), steps_key(recipe)])
    if key not in _made:
        _made.clear()
        _made[key] = [step(recipe, folder) for step, _ in _wanted(recipe)]
    return _made[key]


def _wanted(recipe: CurateRecipe) -> list[tuple[type[Step], Any]]:
    keys = [(step, step.key(recipe)) for step in STEPS]
    return [(step, key) for step, key in keys if key is not None]
