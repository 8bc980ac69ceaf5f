"""The sources of a recipe, opened."""

from mix.arrange import MOST_SOURCES, open_source
from mix.errors import MixError
from mix.group_names import folded
from mix.recipe import MixRecipe
from mix.sources import TokenSource
from mix.stages import SourceSize


def open_sources(recipe: MixRecipe) -> list[TokenSource]:
    """All sources in the recipe's order, split ones as their groups. Raises MixError for one that cannot be used, or for two of one name."""
    sources = [source for name, given in recipe.sources.items() for source in open_source(name, given)]
    known: dict[str, TokenSource] = {}
    for source in sources:
        other = known.setdefault(folded(source.name), source)
        if other is not source:
            raise MixError(f"{_in_words(other)} and {_in_words(source)} would have one folder; give one of the sources another name in the recipe")
    if len(sources) > MOST_SOURCES:
        raise MixError(f"{len(sources):,} sources, and a mix has at most {MOST_SOURCES:,}; give several tokens sets to one source, or split by another column")
    return sources


def _in_words(source: TokenSource) -> str:
    return f"source {source.name}" if source.value is None else f"the group {source.value!r} of source {source.parent}"


def sizes_of(sources: list[TokenSource]) -> list[SourceSize]:
    """Name, recipe's source and tokens of opened sources."""
    names = {source.name for source in sources}
    labels = [f"{source.parent}.{source.value}" if source.value else "" for source in sources]
    return [SourceSize(source.name, source.parent, source.n_tokens, "" if label in names else label) for source, label in zip(sources, labels, strict=True)]
