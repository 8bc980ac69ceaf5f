"""Documents with equal text, within the run and among what earlier runs kept."""

import numpy as np

from curate.compare.collection import Collection
from curate.compare.duplicates import drop_duplicates, settle_after
from curate.compare.earlier import open_earlier
from curate.dedup.clusters import singletons
from curate.dedup.exact import exact_clusters
from curate.dedup.keep import survivors
from curate.dedup.recipe import DedupRecipe, WithWords


def drop_exact_duplicates(collection: Collection, recipe: WithWords[DedupRecipe]) -> None:
    """Drop all but one of each group of documents with equal text."""
    earlier = open_earlier(recipe.section, recipe.words)
    chosen = np.concatenate([np.arange(len(earlier)), collection.survivors() + len(earlier)])
    labels = singletons(len(earlier) + len(collection))
    labels[chosen] = chosen[exact_clusters(np.concatenate([earlier.ids, collection.ids[collection.survivors()]]))]
    duplicates = settle_after(collection, earlier, labels, recipe.section.keep, lambda _, clusters: survivors(clusters))
    drop_duplicates(collection, earlier, "exact", *duplicates, np.full(len(duplicates[0]), np.nan))
