"""The sources of a recipe, opened."""

from mix.arrange import open_source
from mix.recipe import MixRecipe
from mix.sources import TokenSource
from mix.stages import SourceSize


def open_sources(recipe: MixRecipe) -> list[TokenSource]:
    """All sources in the recipe's order, split ones as their groups. Raises MixError for one that cannot be used."""
    return [source for name, given in recipe.sources.items() for source in open_source(name, given)]


def sizes_of(sources: list[TokenSource]) -> list[SourceSize]:
    """Name, recipe's source and tokens of opened sources."""
    return [SourceSize(source.name, source.parent, source.n_tokens) for source in sources]
