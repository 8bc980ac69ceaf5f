"""All gates; a task or a recipe names them by `kind`."""

from typing import Annotated

from pydantic import Field

from curate.synthesize.gates.classifier import ClassifierGate
from curate.synthesize.gates.consistent import ConsistentGate
from curate.synthesize.gates.copied import CopiedGate
from curate.synthesize.gates.finished import FinishedGate
from curate.synthesize.gates.judge import JudgeGate
from curate.synthesize.gates.language import LanguageGate
from curate.synthesize.gates.length import LengthGate
from curate.synthesize.gates.near_duplicate import NearDuplicateGate
from curate.synthesize.gates.refusal import RefusalGate
from curate.synthesize.gates.supported import SupportedGate

AnyGate = Annotated[
    LengthGate | FinishedGate | CopiedGate | SupportedGate | LanguageGate | RefusalGate | NearDuplicateGate | ConsistentGate | ClassifierGate | JudgeGate,
    Field(discriminator="kind"),
]
