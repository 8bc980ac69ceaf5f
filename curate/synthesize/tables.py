"""The tables that a shard writes."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import xxhash

from shards.schemas import DOCUMENTS, VERDICTS

SYNTHETIC = pa.struct(
    [
        ("task", pa.string()),
        ("model", pa.string()),  # as named in the recipe; `rules` for miners
        ("variant", pa.string()),
        ("sample", pa.int32()),
        ("source_ids", pa.list_(pa.string())),  # documents it was made from, hexadecimal
        ("prompt_hashes", pa.list_(pa.string())),  # xxh3-128 of each prompt
        ("keys", pa.list_(pa.string())),  # of the requests, as in the journal
        ("sampling", pa.string()),  # JSON
    ]
)
SYNTHETIC_DOCUMENTS = pa.schema([*DOCUMENTS, ("task", pa.string()), ("synthetic", SYNTHETIC)])
"""`file` and `row` say where the (first) source document lies in the inputs. `task` is a column of its own for mixes to split by."""


def text_id(text: str) -> bytes:
    """xxh3-128 of the UTF-8 text, 16 bytes."""
    return xxhash.xxh3_128_digest(text.encode())


def batch_of(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as a record batch."""
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)


def verdict(doc_id: bytes | None, file: str, row: int, rule: str, **told: Any) -> dict[str, Any]:
    """A row of the verdict table, of the stage `synthesize`."""
    values = {"value": None, "threshold": None, "detail": None} | told
    return {"doc_id": doc_id, "file": file, "row": row, "stage": "synthesize", "rule": rule, **values}


TABLES = {"documents": SYNTHETIC_DOCUMENTS, "rejected": SYNTHETIC_DOCUMENTS, "verdicts": VERDICTS}
