"""Reads held-out documents to score, and checks that none of them was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from eval.errors import EvalError
from shards.held_out import DomainRecipe, HeldOutSample, sample_of
from shards.read import ShardSet

MAX_DOCUMENTS = 500
"""Default upper limit of documents per domain."""


class HeldOut(NamedTuple):
    """A domain's name and its documents."""

    name: str
    sample: HeldOutSample


def read_held_out(name: str, domain: DomainRecipe) -> HeldOut:
    """The domain's sample; documents are not truncated by default. Raises EvalError if fewer than two documents have text."""
    sample = sample_of(domain, MAX_DOCUMENTS, None)
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
