"""Held-out documents of one kind: how recipes describe them, and the sample that training and evaluation score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
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

    @model_validator(mode="before")
    @classmethod
    def _of_a_path(cls, value: Any) -> Any:
        return {"documents": value} if isinstance(value, str | Path) else value


@dataclass(frozen=True)
class HeldOutSample:
    """Documents in order of id: `ids` of 16 bytes, `texts`, `n_bytes (n_docs,) int64` of their UTF-8, and the set's manifest hash."""

    ids: list[bytes]
    texts: list[str]
    n_bytes: np.ndarray
    manifest_hash: str

    def __len__(self) -> int:
        return len(self.ids)


def sample_of(domain: DomainRecipe, max_documents: int, max_bytes_per_document: int | None) -> HeldOutSample:
    """The domain's sample, within its own limits or else these. Duplicates count once, and empty texts are left out."""
    documents = ShardSet(domain.documents, "documents")
    text_by_id: dict[bytes, str] = {}
    for batch in documents.to_table(["id", "text"]).to_batches():
        for row in np.flatnonzero(pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy(zero_copy_only=False)):
            text_by_id.setdefault(batch.column("id")[row].as_py(), batch.column("text")[row].as_py())
    ids = sorted(text_by_id)[: domain.max_documents or max_documents]
    texts = [_cut(text_by_id[doc_id], domain.max_bytes_per_document or max_bytes_per_document) for doc_id in ids]
    return HeldOutSample(ids, texts, np.array([len(text.encode()) for text in texts], dtype=np.int64), documents.manifest.hash)


def _cut(text: str, max_bytes: int | None) -> str:
    data = text.encode()
    return text if max_bytes is None or len(data) <= max_bytes else data[:max_bytes].decode(errors="ignore")
