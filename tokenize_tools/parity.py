"""Parity on parallel text: tokens of one language per token of another for the same content ("premium" in Petrov et al. 2023)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import Counts
from tokenize_tools.intervals import ResampledInterval, ratio_interval


class Parity(NamedTuple):
    """One tokenizer on the texts that a language shares with the base language."""

    tokenizer: str
    language: str
    base: str
    n_texts: int
    """Texts that both languages have."""
    relative_tokens: ResampledInterval
    """Tokens in this language divided by tokens in the base language; 1 is parity."""
    relative_bytes: ResampledInterval
    """The same ratio of UTF-8 bytes: the part of `relative_tokens` that is due to the script and the language."""


def parallel_keys(batch: pa.RecordBatch, parallel_by: str) -> list[str]:
    """The key that translations of one text share: `row`, `file` (name without folders) or `metadata.NAME`; "" if a document lacks it.

    Raises TokenizeError for another `parallel_by`.
    """
    if parallel_by == "row":
        return [str(row) for row in batch.column("row").to_pylist()]
    if parallel_by == "file":
        return [PurePath(file or "").name for file in batch.column("file").to_pylist()]
    if not parallel_by.startswith("metadata."):
        raise TokenizeError(f"--parallel-by {parallel_by}: unknown; give row, file or metadata.NAME")
    name = parallel_by.removeprefix("metadata.")
    return [str(json.loads(metadata or "{}").get(name, "")) for metadata in batch.column("metadata").to_pylist()]


def parity(counts: Mapping[str, Counts], languages: Sequence[str | None], keys: Sequence[str], base: str, seed: int) -> list[Parity]:
    """Parity of every language that shares keys with `base`, for each tokenizer. Texts of a language with the same key are counted together.

    Raises TokenizeError if `base` has no text with a key.
    """
    by_language: dict[str, dict[str, list[int]]] = {}
    for index, (language, key) in enumerate(zip(languages, keys, strict=True)):
        if key:
            by_language.setdefault(language or "", {}).setdefault(key, []).append(index)
    if base not in by_language:
        raise TokenizeError(f"--parallel-base {base}: no parallel text in that language; there is text in {', '.join(sorted(by_language)) or 'none'}")
    parities = []
    for language in sorted(set(by_language) - {base}):
        shared = sorted(set(by_language[language]) & set(by_language[base]))
        if shared:
            indices = [[by_language[name][key] for key in shared] for name in (language, base)]
            parities += [_parity(label, label_counts, language, base, indices, seed) for label, label_counts in counts.items()]
    return parities


def _parity(label: str, counts: Counts, language: str, base: str, indices: list[list[list[int]]], seed: int) -> Parity:
    tokens, n_bytes = ([np.array([column[rows].sum() for rows in side]) for side in indices] for column in (counts.n_tokens, counts.n_bytes))
    intervals = [ratio_interval(above, below, seed) or ResampledInterval(np.nan, np.nan, np.nan) for above, below in (tokens, n_bytes)]
    return Parity(label, language, base, len(indices[0]), intervals[0], intervals[1])
