"""Held-out documents of one kind: how recipes describe them, and the sample that training and evaluation score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from shards.amounts import Bytes
from shards.read import ShardSet
from shards.recipe import Recipe


class DomainRecipe(Recipe):
    """Held-out text of one kind. The path of a documents set alone means that set with all defaults."""

    documents: Path
    """Documents set that no model was trained on."""
    role: Literal["gain", "retain"] = "gain"
    """gain: text to become better at. retain: text on which nothing should be lost. Only reports use it."""
    max_documents: int | None = Field(None, ge=1)
    """Upper limit of documents; those with the smallest ids are taken. Ids are hashes of the text, so this is a fixed random sample. null: 500 for
    `evaluate run`, 200 while training."""
    max_bytes_per_document: Bytes | None = None
    """Documents are cut to this many UTF-8 bytes, at a character boundary. null: whole documents for `evaluate run`, 20,000 bytes while training."""
    clusters: str = "near_duplicates"
    """Which documents are not independent of each other: `near_duplicates`; those with the same `url_host`, the same value of a column such as `source`,
    or of `metadata.KEY`; `none`: each document is independent. Only intervals of `evaluate` use it."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_path(cls, value: Any) -> Any:
        return {"documents": value} if isinstance(value, str | Path) else value


@dataclass(frozen=True)
class HeldOutSample:
    """Documents in order of id: `ids` of 16 bytes, `texts`, `n_bytes (n_docs,) int64` of their UTF-8, the set's manifest hash, and the columns that
    were asked for."""

    ids: list[bytes]
    texts: list[str]
    n_bytes: np.ndarray
    manifest_hash: str
    columns: Mapping[str, list[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def sample_of(domain: DomainRecipe, max_documents: int, max_bytes_per_document: int | None, columns: Sequence[str] = ()) -> HeldOutSample:
    """The domain's sample, within its own limits or else these, with the values of `columns`. Duplicates count once, and empty texts are left out.

    Raises ShardError for a column that the set does not have.
    """
    documents = ShardSet(domain.documents, "documents")
    table = documents.to_table(["id", "text", *columns])
    row_by_id: dict[bytes, int] = {}
    ids = table["id"].to_pylist()
    for row in np.flatnonzero(pc.fill_null(pc.binary_length(table["text"]), 0).to_numpy()):
        row_by_id.setdefault(ids[row], int(row))
    chosen = sorted(row_by_id)[: domain.max_documents or max_documents]
    sample = table.take(pa.array([row_by_id[doc_id] for doc_id in chosen], pa.int64()))
    texts = [_cut(text, domain.max_bytes_per_document or max_bytes_per_document) for text in sample["text"].to_pylist()]
    n_bytes = np.array([len(text.encode()) for text in texts], dtype=np.int64)
    return HeldOutSample(chosen, texts, n_bytes, documents.manifest.hash, {name: sample[name].to_pylist() for name in columns})


def _cut(text: str, max_bytes: int | None) -> str:
    data = text.encode()
    return text if max_bytes is None or len(data) <= max_bytes else data[:max_bytes].decode(errors="ignore")
