"""All gates; a task or a recipe names them by `kind`."""

from typing import Annotated

from pydantic import Field

from curate.synthesize.gates.copied import CopiedGate
from curate.synthesize.gates.finished import FinishedGate
from curate.synthesize.gates.length import LengthGate

AnyGate = Annotated[LengthGate | FinishedGate | CopiedGate, Field(discriminator="kind")]
