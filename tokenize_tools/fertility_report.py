"""Fertility of several tokenizers on the same documents, by source and language, with intervals from resampled documents."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shards import console
from shards.manifest import write_atomically
from tokenize_tools.definition import Definition, read_definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import Counts, byte_ids, encoder, fertility
from tokenize_tools.texts import open_documents, sample_batches

N_RESAMPLES = 1000
_WEIGHT_ROWS = 100
_MIN_WORD_SHARE = 0.5


class Interval(NamedTuple):
    """A ratio and the 2.5% and 97.5% quantiles of it over resampled documents."""

    low: float
    estimate: float
    high: float


class Row(NamedTuple):
    """One tokenizer on one group of documents. Null: the ratio has no meaning there (no words, no tokens)."""

    tokenizer: str
    source: str
    language: str
    n_documents: int
    n_bytes: int
    n_tokens: int
    bytes_per_token: Interval | None
    tokens_per_word: Interval | None
    split_words: Interval | None
    """Share of words covered by more than one token (continued-word rate)."""
    byte_tokens: Interval | None
    """Share of tokens that are single bytes of longer characters."""
    relative_tokens: Interval | None
    """Tokens for the same documents, relative to the first tokenizer."""


def compare(documents: Sequence[Path], tokenizers: Sequence[Path], sample_bytes: int, seed: int) -> list[Row]:
    """Fertility of each tokenizer on about `sample_bytes` UTF-8 bytes of documents: over all, then by source and language.

    Raises TokenizeError or ShardError on bad input.
    """
    definitions = [read_definition(path) for path in tokenizers]
    if not definitions:
        raise TokenizeError("no tokenizer given; name at least one with --tokenizer")
    labels = _labels(definitions, tokenizers)
    sets = [open_documents(path) for path in documents]
    columns: dict[str, list[str]] = {"text": [], "source": [], "language": []}
    for batch in sample_batches(sets, sample_bytes, list(columns)):
        for name, values in columns.items():
            values += batch.column(name).to_pylist()
    counts = {}
    with console.progress("fertility", len(definitions)) as meter:
        for label, definition in zip(labels, definitions, strict=True):
            counts[label] = fertility(columns["text"], encoder(definition), byte_ids(definition))
            meter.advance(1, MB=counts[label].n_bytes.sum() / 1e6)
    return rows(counts, columns["source"], columns["language"], seed)


def _labels(definitions: Sequence[Definition], paths: Sequence[Path]) -> list[str]:
    names = [definition.label for definition in definitions]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def rows(counts: Mapping[str, Counts], sources: Sequence[str | None], languages: Sequence[str | None], seed: int) -> list[Row]:
    """Rows of all documents ("all", "all"), then of each pair of source and language, for each tokenizer."""
    pairs = np.array([f"{source or ''}\t{language or ''}" for source, language in zip(sources, languages, strict=True)])
    names = sorted(set(pairs.tolist()))
    groups = [("all", "all", np.arange(len(pairs)))] if len(names) != 1 else []
    groups += [(*name.split("\t"), np.flatnonzero(pairs == name)) for name in names]  # type: ignore[misc]
    return [row for source, language, chosen in groups for row in _group_rows(counts, source, language, chosen, seed)]


def _group_rows(counts: Mapping[str, Counts], source: str, language: str, chosen: np.ndarray, seed: int) -> list[Row]:
    found = []
    base = next(iter(counts.values()))
    for label, whole in counts.items():
        group = Counts(*(column[chosen] for column in whole))
        has_words = group.word_chars.sum() >= _MIN_WORD_SHARE * (group.word_chars.sum() + group.unspaced_chars.sum())
        n_words = group.n_words if has_words else np.zeros_like(group.n_words)
        ratios = [
            (group.n_bytes, group.n_tokens),
            (group.word_tokens, n_words),
            (group.split_words, n_words),
            (group.byte_tokens, group.n_tokens),
            (group.n_tokens, base.n_tokens[chosen]),
        ]
        intervals = [ratio_interval(above, below, seed) for above, below in ratios]
        found.append(Row(label, source, language, len(chosen), int(group.n_bytes.sum()), int(group.n_tokens.sum()), *intervals))
    return found


def ratio_interval(above: np.ndarray, below: np.ndarray, seed: int) -> Interval | None:
    """Ratio of sums over documents with its 95% bootstrap interval; None if the sum below is 0. Both `(n_docs,)` counts."""
    if not below.sum():
        return None
    random = np.random.default_rng(seed)
    n_docs = len(above)
    shares = np.full(n_docs, 1 / n_docs)
    sums = np.concatenate([random.multinomial(n_docs, shares, _WEIGHT_ROWS) @ np.stack([above, below], 1) for _ in range(N_RESAMPLES // _WEIGHT_ROWS)])
    sums = sums[sums[:, 1] > 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return Interval(float(low), float(above.sum() / below.sum()), float(high))


def table(found: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells for the terminal; a dash where a ratio has no meaning."""
    names = ["source", "language", "tokenizer", "documents", "bytes/token", "tokens/word", "split words", "single bytes", "tokens vs first"]
    return names, [[row.source, row.language, row.tokenizer, f"{row.n_documents:,}", *map(_cell, row[6:])] for row in found]


def _cell(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def write_json(found: Sequence[Row], path: Path) -> None:
    """Write rows as a JSON list of objects; intervals as {low, estimate, high} or null."""
    objects: list[dict[str, Any]] = [
        {name: value._asdict() if isinstance(value, Interval) else value for name, value in row._asdict().items()} for row in found
    ]
    write_atomically(path, (json.dumps(objects, indent=1, ensure_ascii=False) + "\n").encode())
