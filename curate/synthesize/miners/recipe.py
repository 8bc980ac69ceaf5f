"""All miners; a task names one by `kind`."""

from typing import Annotated

from pydantic import Field

from curate.synthesize.miners.cloze import ClozeMiner
from curate.synthesize.miners.definitions import DefinitionsMiner
from curate.synthesize.miners.lists import ListsMiner
from curate.synthesize.miners.parallel import ParallelMiner
from curate.synthesize.miners.questions import QuestionsMiner
from curate.synthesize.miners.reading import ReadingMiner

AnyMiner = Annotated[ClozeMiner | DefinitionsMiner | ListsMiner | ParallelMiner | QuestionsMiner | ReadingMiner, Field(discriminator="kind")]
