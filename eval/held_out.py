"""Reads held-out documents to score."""

from collections.abc import Sequence
from typing import NamedTuple

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
