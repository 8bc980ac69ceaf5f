"""Copies with equal text."""

from curate.decide.collection import Collection
from curate.decide.copies import settle
from curate.dedup.exact import exact_clusters
from curate.recipe import CurateRecipe


def drop_exact_copies(collection: Collection, recipe: CurateRecipe) -> None:
    """Drop them, if the recipe says so."""
    if recipe.dedup.exact:
        docs = collection.survivors()
        dropped, twin = settle(collection, docs, exact_clusters(collection.ids[docs]), recipe.dedup.keep)
        collection.drop(dropped, "exact", "exact/duplicate", twin=twin)
