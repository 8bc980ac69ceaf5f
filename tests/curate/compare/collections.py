"""A small collection of documents, given by their ids, sizes and signatures."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.compare.collection import Collection
from curate.dedup.recipe import DedupRecipe, WithWords
from curate.dedup.store import bands_batch, signatures_batch
from curate.pipeline.decide import PASSED
from curate.rules.fired import FIRED_SCHEMA
from shards.schemas import DOC_ID
from shards.stages import Stage

SIGNALS = pa.schema([("doc_id", DOC_ID), ("file", pa.string()), ("row", pa.int64()), ("text_bytes", pa.int64())])


def collection(folder: Path, ids: list[int], n_bytes: list[int], passed: list[bool], signatures: list[list[int] | None]) -> Collection:
    """Two tasks: the first document alone, then the others."""
    measured, decided = Stage(folder / "measured"), Stage(folder / "decided")
    for task, part in enumerate((slice(0, 1), slice(1, None))):
        rows = list(range(len(ids)))[part]
        columns = [pa.array([one.to_bytes(16, "little") for one in ids[part]], DOC_ID), pa.array(["f"] * len(rows)), pa.array(rows), pa.array(n_bytes[part])]
        tables = {"signals": [pa.record_batch(columns, schema=SIGNALS)]}
        sig, exists = (
            np.array([one or [0] * 4 for one in signatures[part]], np.uint32).reshape(-1, 4),
            np.array([one is not None for one in signatures[part]], bool),
        )
        batches = {"bands": bands_batch(sig, exists, 2), "signatures": signatures_batch(sig, exists)}
        tables |= {name: [batch] for name, batch in batches.items()}
        measured.commit(task, tables, {"signals": SIGNALS} | {name: batch.schema for name, batch in batches.items()})
        verdicts = {"passed": [pa.record_batch([pa.array(passed[part])], schema=PASSED)], "fired": []}
        decided.commit(task, verdicts, {"passed": PASSED, "fired": FIRED_SCHEMA})
    return Collection(measured, decided, 2)


def recipe(keep: str) -> WithWords[DedupRecipe]:
    return WithWords("spacy:en", DedupRecipe.model_validate({"keep": keep, "minhash": {"buckets": 2, "hashes": 2}}))
