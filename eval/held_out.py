"""Held-out documents to score, and the check that none of them was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from eval.errors import EvalError
from eval.recipe import Domain
from shards.read import ShardSet


@dataclass(frozen=True)
class HeldOut:
    """Documents of one domain, by rising id: `ids` of 16 bytes, `texts`, `n_bytes (n_docs,) int64` of their UTF-8, the set's hash."""

    name: str
    ids: list[bytes]
    texts: list[str]
    n_bytes: np.ndarray
    manifest_hash: str

    def __len__(self) -> int:
        return len(self.ids)


def read_held_out(name: str, domain: Domain) -> HeldOut:
    """The domain's sample: copies once, texts without a byte left out, cut as the recipe says. Raises EvalError if fewer than two are left."""
    documents = ShardSet(domain.documents, "documents")
    table = documents.to_table(["id", "text"])
    found: dict[bytes, str] = {}
    for batch in table.to_batches():
        for row in np.flatnonzero(_lengths(batch.column("text"))):
            found.setdefault(batch.column("id")[row].as_py(), batch.column("text")[row].as_py())
    ids = sorted(found)[: domain.max_documents]
    if len(ids) < 2:
        raise EvalError(f"domain {name}: {domain.documents} holds {len(ids)} documents with text; hold out at least two, better some hundred")
    texts = [_cut(found[doc_id], domain.max_bytes_per_document) for doc_id in ids]
    n_bytes = np.array([len(text.encode()) for text in texts], dtype=np.int64)
    return HeldOut(name, ids, texts, n_bytes, documents.manifest.hash)


def refuse_trained_on(held_out: HeldOut, train_documents: Sequence[Path]) -> None:
    """Raise EvalError if a document of `held_out` has the id of one in the documents sets `train_documents`."""
    wanted = pa.array(held_out.ids, pa.binary(16))
    for folder in train_documents:
        for table in ShardSet(folder, "documents").tables():
            shared = pa.compute.sum(pa.compute.is_in(table["id"], wanted)).as_py() or 0
            if shared:
                raise EvalError(
                    f"domain {held_out.name}: {shared} of its {len(held_out)} held-out documents are also in {folder}, so their scores would measure memory; "
                    "hold them out with `curate run`, or take the set out of train_documents"
                )


def _lengths(texts: pa.Array) -> np.ndarray:
    return pa.compute.fill_null(pa.compute.binary_length(texts), 0).to_numpy(zero_copy_only=False)


def _cut(text: str, max_bytes: int | None) -> str:
    data = text.encode()
    return text if max_bytes is None or len(data) <= max_bytes else data[:max_bytes].decode(errors="ignore")
