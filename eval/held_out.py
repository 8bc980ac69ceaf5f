"""Reads held-out documents to score, and checks that none of them was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eval.errors import EvalError
from eval.groups import column_of
from shards.held_out import DomainRecipe, HeldOutSample, sample_of
from shards.read import ShardSet

MAX_DOCUMENTS = 500
"""Default upper limit of documents per domain."""


class HeldOut(NamedTuple):
    """A domain's name and its documents."""

    name: str
    sample: HeldOutSample


def read_held_out(name: str, domain: DomainRecipe, slices: Sequence[str] = ()) -> HeldOut:
    """The domain's sample, with the columns that its clusters and `slices` need; documents are not truncated by default.

    Raises EvalError if fewer than two documents have text, or if the set lacks a column.
    """
    wanted = {column: f"clusters: {domain.clusters}" for column in column_of(domain.clusters)}
    wanted |= {column: f"slices: {by}" for by in slices for column in column_of(by)}
    names = ShardSet(domain.documents, "documents").schema.names if wanted else []
    if missing := sorted(wanted.keys() - set(names)):
        raise EvalError(f"domain {name}: {wanted[missing[0]]}: no column {missing[0]} in {domain.documents}, which has {', '.join(names)}")
    sample = sample_of(domain, MAX_DOCUMENTS, None, sorted(wanted))
    if len(sample) < 2:
        raise EvalError(f"domain {name}: {domain.documents} holds {len(sample)} documents with text; hold out at least two, preferably some hundred")
    return HeldOut(name, sample)


def refuse_trained_on(held_out: HeldOut, train_documents: Sequence[Path]) -> None:
    """Raise EvalError if a document of `held_out` has the id of one in the documents sets `train_documents`."""
    ids = pa.array(held_out.sample.ids, pa.binary(16))
    for folder in train_documents:
        for table in ShardSet(folder, "documents").tables():
            shared = pc.sum(pc.is_in(table["id"], ids)).as_py() or 0
            if shared:
                raise EvalError(
                    f"domain {held_out.name}: {shared} of its {len(held_out.sample)} held-out documents are also in {folder}, so their scores would "
                    "measure memorisation; hold them out with `curate run`, or remove the set from train_documents"
                )
