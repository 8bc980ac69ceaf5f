"""All miners; a task names one by `kind`. With a second one this becomes a union, as in `gates/recipe.py`."""

from curate.synthesize.miners.definitions import DefinitionsMiner

AnyMiner = DefinitionsMiner
