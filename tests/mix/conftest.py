from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from shards.schemas import DOC_ID, tokens_schema
from shards.write import write_set

INFO = {"tokenizer_sha256": "5" * 64, "n_vocab": 60_000, "eos_id": 0, "pad_id": 1, "n_bytes": 1}


def write_tokens(folder: Path, lengths, *, seed: int = 0, rows_per_file: int = 1 << 20, batch: int = 1 << 20, id_bytes: int = 2, info=None) -> Path:
    """A tokens set of documents of these lengths, with ids that tell document and place apart."""
    rng = np.random.default_rng(seed)
    schema = tokens_schema(id_bytes)

    def batches():
        for first in range(0, len(lengths), batch):
            part = np.asarray(lengths[first : first + batch], np.int64)
            ids = [xxhash.xxh3_128_digest(f"{seed}/{number}") for number in range(first, first + len(part))]
            values = pa.array(rng.integers(2, 60_000, part.sum(), dtype=f"uint{8 * id_bytes}"))
            tokens = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(part)])), values)
            columns = [pa.array(ids, DOC_ID), tokens, pa.array(part * 4), pa.array(["test"] * len(part))]
            yield pa.record_batch(columns, schema=schema)

    write_set(folder, "tokens", schema, batches(), info=info or INFO, rows_per_file=rows_per_file, compression=None, token_column="tokens")
    return folder


def read_documents(folder: Path) -> dict[bytes, list[int]]:
    """Token lists by document id."""
    from shards.read import ShardSet

    table = ShardSet(folder, "tokens").to_table()
    return dict(zip(table["doc_id"].to_pylist(), table["tokens"].to_pylist(), strict=True))


@pytest.fixture
def tokens(tmp_path: Path) -> Callable[..., Path]:
    """tokens(name, lengths, **options) writes a tokens set under the test's folder."""

    def make(name: str, lengths, **options) -> Path:
        return write_tokens(tmp_path / "tokens" / name, lengths, **options)

    return make
