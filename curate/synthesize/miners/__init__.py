"""Rules that find items in a text without a model: one miner a file. A task names a miner by `kind`."""

from typing import Annotated

from pydantic import Field

from curate.synthesize.miners.cloze import ClozeMinerRecipe
from curate.synthesize.miners.definitions import DefinitionsMinerRecipe
from curate.synthesize.miners.lists import ListsMinerRecipe
from curate.synthesize.miners.parallel import ParallelMinerRecipe
from curate.synthesize.miners.questions import QuestionsMinerRecipe
from curate.synthesize.miners.reading import ReadingMinerRecipe

AnyMiner = Annotated[
    ClozeMinerRecipe | DefinitionsMinerRecipe | ListsMinerRecipe | ParallelMinerRecipe | QuestionsMinerRecipe | ReadingMinerRecipe, Field(discriminator="kind")
]
