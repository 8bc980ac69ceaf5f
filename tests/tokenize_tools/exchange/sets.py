"""Small tokens sets for the tests of exchange, and what every format must keep of them."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from shards.read import ShardSet
from shards.schemas import DOC_ID, tokens_schema
from shards.write import write_set
from tokenize_tools.exchange.facts import ExchangeFacts

EOS = 0
LENGTHS = [1, 7, 255, 256, 65_535, 65_536, 3, 1, 1, 40, 900, 2]
FACTS = ExchangeFacts("bpe", "5" * 64, 60_000, None, EOS, 1)


def facts(id_bytes: int) -> ExchangeFacts:
    return FACTS if id_bytes == 2 else ExchangeFacts("wide", "7" * 64, 150_000, 3, EOS, 1)


def tokens_set(folder: Path, lengths=LENGTHS, *, id_bytes: int = 2, batch: int = 5, rows_per_file: int = 8, eos: bool = True) -> Path:
    """A tokens set of documents of these lengths, each with the eos at its end if it has room; several batches and files."""
    rng = np.random.default_rng(3)
    schema, known = tokens_schema(id_bytes), facts(id_bytes)

    def rows(some):
        offsets = np.concatenate([[0], np.cumsum(some)])
        values = rng.integers(2, known.n_vocab, offsets[-1], dtype=f"uint{8 * id_bytes}")
        filled = np.flatnonzero(some)
        values[offsets[filled + 1] - 1] = EOS if eos else 5
        ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(some), [None, pa.py_buffer(rng.bytes(16 * len(some)))])
        tokens = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
        sources = pa.array(["web", 'law, "old"'] * len(some))[: len(some)]
        return pa.record_batch([ids, tokens, pa.array(4 * np.asarray(some)), sources], schema=schema)

    info = {name: getattr(known, name) for name in ("tokenizer", "tokenizer_sha256", "n_vocab", "bos_id", "eos_id", "pad_id")}
    batches = [rows(np.asarray(lengths[start : start + batch], np.int64)) for start in range(0, len(lengths), batch)]
    options = {"rows_per_file": rows_per_file, "compression": None, "token_column": "tokens"}
    write_set(folder, "tokens", schema, batches, info=info | {"policy": {"bos": False, "eos": eos}}, **options)
    return folder


def documents(folder: Path) -> list[list[int]]:
    """The token lists of a set."""
    return ShardSet(folder, "tokens").to_table()["tokens"].to_pylist()


def column(folder: Path, name: str) -> list:
    return ShardSet(folder, "tokens").to_table()[name].to_pylist()
