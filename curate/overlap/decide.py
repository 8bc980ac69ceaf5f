"""What the scans of all slices say about each item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.decontaminate.recipe import BoilerplateRecipe
from curate.overlap.items import OverlapItem
from curate.overlap.recipe import ComparisonRecipe
from curate.overlap.scan import CONTAINED, EXACT, NEAR, load_ngrams, load_shingles
from curate.overlap.shingle_index import NGRAM, is_template
from shards.stages import Stage


@dataclass(frozen=True)
class Place:
    """A training document: its id, and where it stands: number of the task, record batch, row."""

    doc_id: bytes
    task: int
    batch: int
    row: int


@dataclass(frozen=True)
class Finding:
    """One item. `kind`: exact, near, contained, covered, or `none`; `too_short` if it has nothing to look for."""

    kind: str
    jaccard: float
    containment: float
    ngram_share: float
    ngrams: int
    """The item's n-grams that the training document with most of them has."""
    place: Place | None
    """The training document that decided the kind; for kind `none` the one that has most of the item, if any has a share worth storing."""


Matches = dict[tuple[int, int], tuple[float, float, Place]]


class _Grams(NamedTuple):
    """By item: the largest share of its n-grams in one document, how many these are, and the document."""

    share: np.ndarray
    found: np.ndarray
    place: list[Place | None]
    total: np.ndarray


def decide(stage: Stage, n_tasks: int, items: Sequence[OverlapItem], recipe: ComparisonRecipe) -> list[Finding]:
    """One finding for each item. Of equally similar training documents, the first in the order of the sets is named."""
    grams = _best_grams(stage, n_tasks, items, recipe)
    matches = _best_matches(stage, n_tasks)
    counted = load_shingles(stage.folder).counted_sizes
    return [_finding(number, matches, grams, int(counted[number]), item, recipe) for number, item in enumerate(items)]


def _finding(number: int, matches: Matches, grams: _Grams, n_shingles: int, item: OverlapItem, recipe: ComparisonRecipe) -> Finding:
    exact, near, contained = (matches.get((number, how)) for how in (EXACT, NEAR, CONTAINED))
    fewest = recipe.min_words - NGRAM + 1
    jaccard, containment = near[0] if near else 0.0, contained[1] if contained else 0.0
    share, found = float(grams.share[number]), int(grams.found[number])
    place = grams.place[number]
    if exact:
        kind, place = "exact", exact[2]
    elif near and jaccard >= recipe.near:
        kind, place = "near", near[2]
    elif contained and containment >= recipe.contained and round(containment * n_shingles) >= fewest:
        kind, place = "contained", contained[2]
    elif share >= recipe.covered:
        kind = "covered"
    elif n_shingles < fewest and not grams.total[number] and item.doc_id is None:
        kind, place = "too_short", None
    else:
        kind, place = "none", contained[2] if contained else place
    return Finding(kind, jaccard, containment, share, found, place)


def _best_matches(stage: Stage, n_tasks: int) -> Matches:
    """Jaccard, containment and place of the best match, by item and how it was chosen."""
    best: Matches = {}
    for task in range(n_tasks):
        for row in stage.table(task, "matches").to_pylist():
            key, figures = (row["item"], row["how"]), (row["jaccard"], row["containment"])
            column = 1 if row["how"] == CONTAINED else 0
            if key not in best or figures[column] > best[key][column]:
                best[key] = (*figures, Place(row["doc_id"], task, row["batch"], row["row"]))
    return best


def _best_grams(stage: Stage, n_tasks: int, items: Sequence[OverlapItem], recipe: ComparisonRecipe) -> _Grams:
    index = load_ngrams(stage.folder)
    per_gram = np.diff(index.item_offsets)
    owners, gram_of = np.asarray(index.items, np.int64), np.repeat(np.arange(len(per_gram)), per_gram)
    templates = is_template(gram_of, index.item_eval[owners].astype(np.int64), np.full(int(index.item_eval.max(initial=0)) + 1, recipe.template_items))
    counts = ~templates & _informative(stage, n_tasks, len(per_gram), recipe.boilerplate)[gram_of]
    total = np.bincount(owners[counts], minlength=len(items))
    grams = _Grams(np.zeros(len(items)), np.zeros(len(items), np.int64), [None] * len(items), total)
    for task in range(n_tasks):
        _add_task(stage.table(task, "grams"), task, np.asarray(index.item_offsets), owners, counts, grams)
    return grams


def _informative(stage: Stage, n_tasks: int, n_grams: int, boilerplate: BoilerplateRecipe | None) -> np.ndarray:
    """N-grams that are no boilerplate of the training sets, (n_grams,) bool, as `decontaminate` defines it."""
    if boilerplate is None or not n_grams:
        return np.ones(n_grams, bool)
    documents = np.zeros(n_grams, np.int64)
    sources: dict[str, np.ndarray] = {}
    for task in range(n_tasks):
        table = stage.table(task, "grams", ["source", "grams"]).combine_chunks()
        lists = table["grams"].combine_chunks() if table.num_rows else None
        if lists is None:
            continue
        flat = lists.flatten().to_numpy().astype(np.int64)
        documents += np.bincount(flat, minlength=n_grams)
        codes = pc.fill_null(table["source"], "").combine_chunks().dictionary_encode()
        of_doc = np.repeat(codes.indices.to_numpy(), pc.list_value_length(lists).to_numpy())
        for code, name in enumerate(codes.dictionary.to_pylist()):
            sources.setdefault(name, np.zeros(n_grams, bool))[flat[of_doc == code]] = True
    n_sources = sum(sources.values(), np.zeros(n_grams, np.int64))
    return np.asarray((documents < boilerplate.documents) | (n_sources < boilerplate.sources))


def _add_task(table: pa.Table, task: int, offsets: np.ndarray, owners: np.ndarray, counts: np.ndarray, grams: _Grams) -> None:
    """Improve `grams` by the documents of one task."""
    for batch in table.to_batches():
        lists = batch.column("grams")
        flat = lists.flatten().to_numpy().astype(np.int64)
        doc_of = np.repeat(np.arange(batch.num_rows), pc.list_value_length(lists).to_numpy())
        n_items = offsets[flat + 1] - offsets[flat]
        postings = np.repeat(offsets[flat] - (np.cumsum(n_items) - n_items), n_items) + np.arange(n_items.sum())
        pairs = (np.repeat(doc_of, n_items) * len(grams.total) + owners[postings])[counts[postings]]
        pairs, found = np.unique(pairs, return_counts=True)
        docs, items = pairs // len(grams.total), pairs % len(grams.total)
        share = found / grams.total[items]
        for at in np.flatnonzero(share > grams.share[items]):
            item = items[at]
            if share[at] > grams.share[item]:  # an earlier document of this batch may have raised it
                doc_id, number, row = (batch.column(name)[int(docs[at])].as_py() for name in ("doc_id", "batch", "row"))
                place = Place(doc_id, task, number, row)
                grams.share[item], grams.found[item], grams.place[item] = share[at], found[at], place
