"""Held-out documents to score, and the check that none of them was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from eval.errors import EvalError
from shards.held_out import DomainRecipe, HeldOutSample, sample_of
from shards.read import ShardSet

MAX_DOCUMENTS = 500
"""Of a domain, unless it says otherwise."""


class HeldOut(NamedTuple):
    """A domain's name and its documents."""

    name: str
    sample: HeldOutSample


def read_held_out(name: str, domain: DomainRecipe) -> HeldOut:
    """The domain's sample, of whole documents unless it says otherwise. Raises EvalError if fewer than two have text."""
    sample = sample_of(domain, MAX_DOCUMENTS, None)
    if len(sample) < 2:
        raise EvalError(f"domain {name}: {domain.documents} holds {len(sample)} documents with text; hold out at least two, better some hundred")
    return HeldOut(name, sample)


def refuse_trained_on(held_out: HeldOut, train_documents: Sequence[Path]) -> None:
    """Raise EvalError if a document of `held_out` has the id of one in the documents sets `train_documents`."""
    wanted = pa.array(held_out.sample.ids, pa.binary(16))
    for folder in train_documents:
        for table in ShardSet(folder, "documents").tables():
            shared = pa.compute.sum(pa.compute.is_in(table["id"], wanted)).as_py() or 0
            if shared:
                raise EvalError(
                    f"domain {held_out.name}: {shared} of its {len(held_out.sample)} held-out documents are also in {folder}, so their scores would "
                    "measure memory; hold them out with `curate run`, or take the set out of train_documents"
                )
