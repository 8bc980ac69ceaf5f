"""Fertility of several tokenizers on the same documents, by source and language, with intervals over resampled documents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shards import console
from shards.folder import refuse_foreign, write_page
from tokenize_tools.definition import Definition, read_definition
from tokenize_tools.efficiency import efficiency_interval
from tokenize_tools.errors import TokenizeError
from tokenize_tools.fertility import EncodeSpans, MeasuredDocuments, TokenSpans, byte_ids, encoder, measure
from tokenize_tools.fertility_page import render
from tokenize_tools.intervals import ResampledInterval, ratio_interval
from tokenize_tools.parity import Parity, parallel_keys, parity
from tokenize_tools.texts import cut_by_bytes, open_documents, sample_batches

_MIN_WORD_SHARE = 0.5
_BATCH_BYTES = 1 << 20


@dataclass(frozen=True)
class SampledTexts:
    """Batches of texts to measure, and the source, language and parallel key of each document."""

    batches: list[list[str]]
    sources: list[str]
    languages: list[str]
    keys: list[str]


class Comparison(NamedTuple):
    """The figures of a report."""

    tokenizers: list[dict[str, Any]]
    """`label`, `sha256` and `n_vocab` of each. The others are compared with the first."""
    rows: list["Row"]
    parity: list[Parity]


class Row(NamedTuple):
    """One tokenizer on one group of documents. A ratio is None where it has no meaning (no words, no tokens)."""

    tokenizer: str
    source: str
    language: str
    n_documents: int
    n_bytes: int
    n_tokens: int
    bytes_per_token: ResampledInterval | None
    tokens_per_word: ResampledInterval | None
    split_words: ResampledInterval | None
    """Share of words that more than one token overlaps (continued-word rate)."""
    byte_tokens: ResampledInterval | None
    """Share of tokens that are a single byte of a multi-byte character."""
    relative_tokens: ResampledInterval | None
    """Tokens for the same documents, relative to the first tokenizer."""
    renyi_efficiency: ResampledInterval | None
    """How evenly the vocabulary is used, 0 to 1; see `efficiency`."""


def compare(
    documents: Sequence[Path], tokenizers: Sequence[Path], sample_bytes: int, seed: int, parallel_by: str | None = None, parallel_base: str = "en"
) -> Comparison:
    """Fertility of each tokenizer on about `sample_bytes` UTF-8 bytes of documents: in total, then by source and language.

    With `parallel_by` (see `parity.parallel_keys`), all documents are measured, and languages are compared, too.
    Raises TokenizeError or ShardError on bad input.
    """
    definitions = [read_definition(path) for path in tokenizers]
    if not definitions:
        raise TokenizeError("no tokenizer given; name at least one with --tokenizer")
    labels = _labels(definitions, tokenizers)
    sample = _read(documents, sample_bytes, parallel_by)
    measured = {}
    with console.progress("fertility", len(definitions) * len(sample.batches)) as meter:
        for label, definition in zip(labels, definitions, strict=True):
            encode = _reported(encoder(definition), meter)
            measured[label] = measure(sample.batches, encode, byte_ids(definition))
    group_rows = rows(
        measured, {label: definition.n_vocab for label, definition in zip(labels, definitions, strict=True)}, sample.sources, sample.languages, seed
    )
    counts = {label: encoded.counts for label, encoded in measured.items()}
    parities = parity(counts, sample.languages, sample.keys, parallel_base, seed) if parallel_by else []
    described = [{"label": label, "sha256": definition.sha256, "n_vocab": definition.n_vocab} for label, definition in zip(labels, definitions, strict=True)]
    return Comparison(described, group_rows, parities)


def _read(documents: Sequence[Path], sample_bytes: int, parallel_by: str | None) -> SampledTexts:
    sets = [open_documents(path) for path in documents]
    sample = SampledTexts([], [], [], [])
    # A sample by ids would separate translations.
    n_bytes = 1 << 62 if parallel_by else sample_bytes
    for documents_batch in sample_batches(sets, n_bytes, ["text", "source", "language", *(["file", "row", "metadata"] if parallel_by else [])]):
        for batch in cut_by_bytes(documents_batch, _BATCH_BYTES):
            sample.batches.append(batch.column("text").to_pylist())
            sample.sources.extend(name or "" for name in batch.column("source").to_pylist())
            sample.languages.extend(name or "" for name in batch.column("language").to_pylist())
            if parallel_by:
                sample.keys.extend(parallel_keys(batch, parallel_by))
    return sample


def _reported(encode: EncodeSpans, meter: console.Meter) -> EncodeSpans:
    def encode_and_report(texts: Sequence[str]) -> TokenSpans:
        spans = encode(texts)
        meter.advance(1, docs=len(texts), tokens=len(spans.ids))
        return spans

    return encode_and_report


def _labels(definitions: Sequence[Definition], paths: Sequence[Path]) -> list[str]:
    names = [definition.label for definition in definitions]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def rows(measured: Mapping[str, MeasuredDocuments], n_vocab: Mapping[str, int], sources: Sequence[str], languages: Sequence[str], seed: int) -> list[Row]:
    """One row for each tokenizer on all documents ("all", "all"), then on each pair of source and language."""
    pairs = np.array([f"{source}\t{language}" for source, language in zip(sources, languages, strict=True)])
    names = sorted(set(pairs.tolist()))
    groups = [("all", "all", np.arange(len(pairs)))] if len(names) != 1 else []
    groups += [(*name.split("\t"), np.flatnonzero(pairs == name)) for name in names]  # type: ignore[misc]
    return [row for source, language, chosen in groups for row in _group_rows(measured, n_vocab, source, language, chosen, seed)]


def _group_rows(measured: Mapping[str, MeasuredDocuments], n_vocab: Mapping[str, int], source: str, language: str, chosen: np.ndarray, seed: int) -> list[Row]:
    group_rows = []
    base = next(iter(measured.values())).counts.n_tokens[chosen]
    for label, documents in measured.items():
        group, ids, offsets = documents.of(chosen)
        has_words = group.word_chars.sum() >= _MIN_WORD_SHARE * (group.word_chars.sum() + group.unspaced_chars.sum())
        n_words = group.n_words if has_words else np.zeros_like(group.n_words)
        ratios = {
            "bytes_per_token": (group.n_bytes, group.n_tokens),
            "tokens_per_word": (group.word_tokens, n_words),
            "split_words": (group.split_words, n_words),
            "byte_tokens": (group.byte_tokens, group.n_tokens),
            "relative_tokens": (group.n_tokens, base),
        }
        intervals = {name: ratio_interval(above, below, seed) for name, (above, below) in ratios.items()}
        efficiency = efficiency_interval(ids, offsets, n_vocab[label], seed)
        n_bytes, n_tokens = int(group.n_bytes.sum()), int(group.n_tokens.sum())
        group_rows.append(Row(label, source, language, len(chosen), n_bytes, n_tokens, renyi_efficiency=efficiency, **intervals))
    return group_rows


def table(group_rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells for the terminal, with a dash where a ratio has no meaning."""
    names = ["source", "language", "tokenizer", "documents", "bytes/token", "tokens/word", "split words", "single bytes", "tokens vs first", "Rényi"]
    return names, [[row.source, row.language, row.tokenizer, f"{row.n_documents:,}", *map(_cell, row[6:])] for row in group_rows]


def parity_table(parities: Sequence[Parity]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells of parities for the terminal."""
    names = ["language", "tokenizer", "texts", "tokens vs base", "bytes vs base"]
    return names, [[row.language, row.tokenizer, f"{row.n_texts:,}", _cell(row.relative_tokens), _cell(row.relative_bytes)] for row in parities]


def _cell(interval: ResampledInterval | None) -> str:
    return "–" if interval is None else f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The report's JSON object: `tokenizers`, `rows`, `parity`. An interval is {low, estimate, high} or null."""
    return {
        "tokenizers": comparison.tokenizers,
        "rows": [_object(row) for row in comparison.rows],
        "parity": [_object(row) for row in comparison.parity],
    }


def _object(row: Row | Parity) -> dict[str, Any]:
    return {name: value._asdict() if isinstance(value, ResampledInterval) else value for name, value in row._asdict().items()}


def check_out(out: Path) -> None:
    """Raise TokenizeError unless the suffix is .html or .json, and ShardError if a file there is not ours."""
    if out.suffix not in (".html", ".json"):
        raise TokenizeError(f"--out {out}: name a .html page (its figures go to a .json beside it) or a .json")
    refuse_foreign(out.parent, [out.name, out.with_suffix(".json").name])


def write(comparison: Comparison, out: Path) -> list[Path]:
    """Write the figures to a .json, or to an .html page and a .json beside it; return the paths. Raises TokenizeError for another suffix."""
    check_out(out)
    written = [out.with_suffix(".json")]
    write_page(written[0], (json.dumps(as_json(comparison), indent=1, ensure_ascii=False) + "\n").encode())
    if out.suffix == ".html":
        written.append(out)
        write_page(out, render(as_json(comparison)).encode("utf-8", "replace"))
    return written
