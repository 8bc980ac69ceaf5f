"""Third stage: decisions that need all documents. Duplicates are sought among documents that passed so far, so no dropped document causes a drop."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.collection import DROPPED, HELD_OUT, KEPT, OUTCOMES, Collection
from curate.compare.deciders import DECIDERS
from curate.compare.held_out import held_out
from curate.recipe import CurateRecipe
from curate.rules.fired import FIRED_SCHEMA
from shards.stages import Stage

CUTS = pa.schema([("row", pa.int64()), ("start", pa.int64()), ("end", pa.int64())])
"""Bytes to remove from the final texts; `row` is the document's index in the collection."""


@dataclass(frozen=True)
class CompareJob:
    """What a worker needs: the folders of this stage and of earlier ones."""

    folder: str
    measured: str
    decided: str
    n_tasks: int
    recipe: CurateRecipe


def compare_task(job: CompareJob) -> int:
    """Decide, and commit as task 0 the tables `outcomes`, `fired` (`row`: index in the collection) and `cuts`; info: `notes`.

    Returns the number of documents.
    """
    recipe = job.recipe
    collection = Collection(Stage(Path(job.measured)), Stage(Path(job.decided)), job.n_tasks)
    for decider in DECIDERS:
        section = decider.section(recipe)
        if section is not None:
            decider.function(collection, section)
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
