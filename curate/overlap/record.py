"""The result of `curate overlap`: overlap.json, and the schema of the set with a row for each item. Needs only pyarrow and pydantic."""

from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from shards.errors import CptkitError, ShardError
from shards.names import Count
from shards.record import read_record
from shards.report_record import Facts, Share

OVERLAP_NAME = "overlap.json"
Kind = Literal["exact", "near", "contained", "covered", "none", "too_short"]
CONTAMINATED = ("exact", "near", "contained", "covered")
"""Kinds of items that stand in a training set."""
DUPLICATES = ("exact", "near")
"""Kinds of documents that are a training document, or differ from one in details."""

OVERLAPS = pa.schema(
    [
        ("set", pa.string()),  # domain or task
        ("item", pa.string()),  # a document's id in hexadecimal, FILE:ROW, or a task's own id
        ("text_hash", pa.string()),  # of the item's texts
        ("kind", pa.string()),  # exact, near, contained, covered, none, too_short
        ("jaccard", pa.float64()),  # with the most similar training document; 0 below 0.3
        ("containment", pa.float64()),  # largest share of the item's word 5-grams in one training document; 0 below 0.3
        ("ngram_share", pa.float64()),  # largest share of the item's n-grams in one training document
        ("ngrams", pa.int64()),  # how many these are
        ("train_set", pa.string()),  # folder of the training set that the document named here stands in; null if there is none
        ("train_id", pa.string()),  # its id in hexadecimal
        ("item_excerpt", pa.string()),  # the part of the item that stands in the document; null for kinds none and too_short
        ("train_excerpt", pa.string()),  # and of the document
    ]
)


class SetFacts(Facts):
    """Numbers of items of one set: by kind, and those of kind `none` that share at least one n-gram with a training document."""

    items: Count
    exact: Count
    near: Count
    contained: Count
    covered: Count
    none: Count
    too_short: Count
    touched: Count

    @property
    def contaminated(self) -> int:
        """Items that stand in a training set."""
        return self.exact + self.near + self.contained + self.covered


class TrainingFacts(Facts):
    """One training set."""

    folder: str
    manifest_hash: str
    documents: Count
    bytes: Count


class ExampleFacts(Facts):
    """An item that stands in a training set, and the stretch that both share."""

    set: str
    item: str
    kind: Kind
    jaccard: Share
    containment: Share
    ngram_share: Share
    train_set: str
    train_id: str
    item_excerpt: str
    train_excerpt: str


class OverlapRecord(Facts):
    """`overlap.json`."""

    recipe: dict[str, Any]
    recipe_hash: str
    against: list[TrainingFacts] = Field(min_length=1)
    sets: dict[str, SetFacts]
    examples: list[ExampleFacts]


def read_overlap(folder: Path, error: type[CptkitError] = ShardError) -> OverlapRecord:
    """The record of an output folder. Raises `error` if there is none, or it is damaged."""
    try:
        return read_record(Path(folder) / OVERLAP_NAME, OverlapRecord, error=error, remedy="rerun `curate overlap`")
    except FileNotFoundError:
        raise error(f"{folder}: holds no {OVERLAP_NAME}; give an output folder of `curate overlap`") from None
