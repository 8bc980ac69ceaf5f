"""What candidates must pass to become documents: one gate a file. A task or a recipe names a gate by `kind`."""

from typing import Annotated

from pydantic import Field

from curate.synthesize.gates.classifier import ClassifierGateRecipe
from curate.synthesize.gates.consistent import ConsistentGateRecipe
from curate.synthesize.gates.copied import CopiedGateRecipe
from curate.synthesize.gates.finished import FinishedGateRecipe
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.gates.language import LanguageGateRecipe
from curate.synthesize.gates.length import LengthGateRecipe
from curate.synthesize.gates.near_duplicate import NearDuplicateGateRecipe
from curate.synthesize.gates.refusal import RefusalGateRecipe
from curate.synthesize.gates.supported import SupportedGateRecipe

AnyGate = Annotated[
    LengthGateRecipe
    | FinishedGateRecipe
    | CopiedGateRecipe
    | SupportedGateRecipe
    | LanguageGateRecipe
    | RefusalGateRecipe
    | NearDuplicateGateRecipe
    | ConsistentGateRecipe
    | ClassifierGateRecipe
    | JudgeGateRecipe,
    Field(discriminator="kind"),
]
