"""Prose of random words, and copies of it in which words are replaced."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

from shards.schemas import DOCUMENTS
from shards.write import write_set

WORDS = [a + b + c for a in ("ba", "de", "fi", "go", "lu", "ma") for b in ("ra", "ne", "ti", "so") for c in ("l", "n", "r", "st", "m")]


def prose(random: np.random.Generator, n_words: int) -> str:
    return " ".join(random.choice(WORDS, n_words))


def edited(random: np.random.Generator, text: str, share: float) -> str:
    """The text with `share` of its words, at least one, replaced by words that it doesn't have."""
    words = text.split()
    for at in random.choice(len(words), max(1, round(share * len(words))), replace=False):
        words[at] = f"edit{'abcdefghij'[random.integers(10)]}{'klmnopqrst'[random.integers(10)]}"
    return " ".join(words)


def save_documents(folder: Path, texts: list[str], sources: list[str] | None = None, rows_per_batch: int = 1000) -> Path:
    """A documents set of these texts."""
    n = len(texts)
    ids = [xxhash.xxh3_128_digest(text.encode()) for text in texts]
    plain = [pa.array(values) for values in (sources or ["made up"] * n, ["en"] * n, [""] * n, [""] * n, ["made.txt"] * n)]
    table = pa.table([pa.array(ids, pa.binary(16)), pa.array(texts, pa.large_string()), *plain, pa.array(range(n), pa.int64())], schema=DOCUMENTS)
    write_set(folder, "documents", DOCUMENTS, table.to_batches(max_chunksize=rows_per_batch))
    return folder
