"""Third stage: what takes all documents to decide. Copies are looked for among those that passed so far, so none dies for one that is dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.bloom import drop_streamed_copies
from curate.compare.collection import Collection
from curate.compare.contamination import drop_contaminated
from curate.compare.exact import drop_exact_copies
from curate.compare.held_out import held_out
from curate.compare.lines import cut_repeated_lines
from curate.compare.minhash import drop_near_copies
from curate.compare.semantic import drop_semantic_copies
from curate.compare.substring import cut_repeated_substrings
from curate.pipeline.decide import FIRED_SCHEMA
from curate.recipe import CurateRecipe
from shards.stages import Stage


def _set_rules_aside(collection: Collection, recipe: CurateRecipe) -> None:
    if recipe.dedup.before_rules:
        collection.set_rules_aside()


def _take_rules_back(collection: Collection, recipe: CurateRecipe) -> None:
    if recipe.dedup.before_rules:
        collection.take_rules_back()


DECIDERS: tuple[Callable[[Collection, CurateRecipe], None], ...] = (
    _set_rules_aside,
    drop_contaminated,
    drop_exact_copies,
    drop_near_copies,
    _take_rules_back,
    drop_semantic_copies,
    drop_streamed_copies,
    cut_repeated_lines,
    cut_repeated_substrings,
)
"""Each does nothing where the recipe does not want it."""

COLLECTION_RULES = (
    ("contamination", "contamination/ngrams"),
    ("exact", "exact/duplicate"),
    ("exact", "exact/earlier"),
    ("minhash", "minhash/duplicate"),
    ("minhash", "minhash/earlier"),
    ("semantic", "semantic/duplicate"),
    ("bloom", "bloom/duplicate"),
    ("bloom", "bloom/too_few_words"),
    ("lines", "lines/too_few_words"),
    ("substring", "substring/too_few_words"),
)
"""(stage, rule) of every verdict of theirs, in the order of the run."""

DROPPED, KEPT, HELD_OUT = 0, 1, 2
OUTCOMES = pa.schema([("outcome", pa.uint8()), ("cluster_size", pa.int64())])
"""One row per measured document, in order. `cluster_size`: documents that a kept one stands for, itself included; 0 if dropped."""
CUTS = pa.schema([("row", pa.int64()), ("start", pa.int64()), ("end", pa.int64())])
"""Bytes to remove from the final texts; `row` numbers the document in the collection."""


@dataclass(frozen=True)
class CompareJob:
    """What a worker needs: folders of this stage and of those before it."""

    folder: str
    measured: str
    decided: str
    n_tasks: int
    recipe: CurateRecipe


def compare_task(job: CompareJob) -> int:
    """Decide, and commit as task 0 tables `outcomes` (see `OUTCOMES`), `fired` (rows numbered in the collection) and `cuts`; info: `notes`.

    Returns how many documents it decided.
    """
    recipe = job.recipe
    collection = Collection(Stage(Path(job.measured)), Stage(Path(job.decided)), job.n_tasks)
    for decider in DECIDERS:
        decider(collection, recipe)
    verdicts = collection.verdicts.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(FIRED_SCHEMA)
    cuts = pa.record_batch([pa.array(column) for column in collection.cuts.T.copy()], schema=CUTS)
    tables = {"outcomes": [_outcomes(collection, recipe)], "fired": verdicts.to_batches(), "cuts": [cuts]}
    Stage(Path(job.folder)).commit(0, tables, {"outcomes": OUTCOMES, "fired": FIRED_SCHEMA, "cuts": CUTS}, {"notes": collection.notes})
    return len(collection)


def _outcomes(collection: Collection, recipe: CurateRecipe) -> pa.RecordBatch:
    outcome = np.where(collection.passed, KEPT, DROPPED).astype(np.uint8)
    docs = collection.survivors()
    outcome[docs[held_out(collection.ids[docs], recipe.held_out.share, recipe.held_out.max_documents, recipe.held_out.salt)]] = HELD_OUT
    return pa.record_batch([pa.array(outcome), pa.array(np.where(collection.passed, collection.cluster_size, 0))], schema=OUTCOMES)
