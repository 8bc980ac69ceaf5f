"""Sources of a mix: tokens sets read in windows of documents, without a Python object per document."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from mix.errors import MixError
from shards.errors import ShardError
from shards.manifest import Parent
from shards.read import ShardSet
from shards.schemas import require, tokens_schema

WINDOW_DOCUMENTS = 1 << 18
"""Documents packed together. Windows bound memory for sources of any size and give tasks to run in parallel. Their only cost is the last rows of
each window: 0.004% padding on web-like lengths at 1,024 tokens a row, the same as packing all documents at once."""


class TokenizerFacts(NamedTuple):
    """What all sources of a mix must share, from the manifests of their tokens sets."""

    tokenizer_sha256: str
    n_vocab: int
    eos_id: int | None
    pad_id: int | None
    id_bytes: int
    """2 (uint16) or 4 (uint32) bytes per token id"""


class DocumentWindow(NamedTuple):
    """Consecutive documents. Tokens of document `i` are `values[chunk[i]][begin[i]:begin[i] + length[i]]`."""

    doc_id: NDArray[np.uint8]
    """(n_docs, 16) uint8"""
    length: NDArray[np.int64]
    """(n_docs,) int64: tokens"""
    begin: NDArray[np.int64]
    """(n_docs,) int64"""
    chunk: NDArray[np.int32]
    """(n_docs,) int32"""
    values: list[NDArray[Any]]
    """memory-mapped token buffers"""


def content_of(parents: Sequence[Parent]) -> str:
    """Hash of the tokens of a source with these lineage entries; see `TokenSource.content`."""
    hashes = [parent.manifest_hash for parent in parents]
    return hashes[0] if len(hashes) == 1 else xxhash.xxh3_128_hexdigest("\n".join(hashes).encode())


class TokenSource:
    """The documents of one or more tokens sets in order. Raises MixError that names the source for any unusable set."""

    def __init__(self, name: str, folders: Sequence[Path], *, verify: bool = True) -> None:
        self.name = name
        self.parent = name
        """Name of the recipe's source: this one, or the one that it is a group of."""
        self.value: str | None = None
        """Value of the column that splits the recipe's source; "" for documents without one, None without a split."""
        self.arrangement: dict[str, Any] | None = None
        """Which documents, how often and in which order; None: all of them, in order."""
        self.packing_window: int | None = None
        """Documents packed together where their order matters; None: `WINDOW_DOCUMENTS`."""
        self.folders = [Path(folder) for folder in folders]
        try:
            self.sets = [ShardSet(folder, "tokens", verify=verify) for folder in self.folders]
            self.tokenizers = [_tokenizer(tokens) for tokens in self.sets]
        except ShardError as error:
            raise MixError(f"source {name}: {error}") from None
        self.n_documents = sum(tokens.manifest.n_rows for tokens in self.sets)
        self.n_tokens = sum(tokens.manifest.n_tokens for tokens in self.sets)
        self.n_synthetic_tokens = sum(tokens.manifest.info.get("n_synthetic_tokens", 0) for tokens in self.sets)
        """Tokens of documents that are marked as synthetic; sets that were imported have no marks."""

    @property
    def parents(self) -> tuple[Parent, ...]:
        """Lineage entries of the tokens sets; without the source's name, so that packed rows do not depend on it."""
        return tuple(tokens.parent("tokens") for tokens in self.sets)

    @property
    def content(self) -> str:
        """Hash of its tokens, whatever its name: that of the manifest of its tokens set, or xxh3-128 of those of all its sets, in order."""
        return content_of(self.parents)

    @property
    def n_windows(self) -> int:
        """Number of windows of `WINDOW_DOCUMENTS` documents; at least one, so that an empty source gives an empty set."""
        return max(1, -(-self.n_documents // WINDOW_DOCUMENTS))

    def window(self, index: int) -> DocumentWindow:
        """Documents `[index, index + 1) * WINDOW_DOCUMENTS` of the source. Raises MixError if one of their files is damaged."""
        start = index * WINDOW_DOCUMENTS
        try:
            return self._documents(start, start + WINDOW_DOCUMENTS)
        except ShardError as error:
            raise MixError(f"source {self.name}: {error}") from None

    def lengths(self) -> NDArray[np.int64]:
        """(n_documents,) int64: tokens of each document in the order of the sets. Raises MixError if a file is damaged."""
        try:
            parts = [np.diff(chunk.offsets.to_numpy()) for tokens in self.sets for table in tokens.tables() for chunk in table["tokens"].chunks]
        except ShardError as error:
            raise MixError(f"source {self.name}: {error}") from None
        return np.concatenate([np.empty(0, np.int64), *parts])

    def synthetic(self) -> NDArray[np.bool_]:
        """(n_documents,) bool: which documents, in the order of the sets, are marked as synthetic. Raises MixError if a file is damaged."""
        try:
            chunks = [chunk for tokens in self.sets for table in tokens.tables() for chunk in table["synthetic"].chunks]
        except ShardError as error:
            raise MixError(f"source {self.name}: {error}") from None
        return np.concatenate([np.empty(0, bool), *(pc.fill_null(chunk, False).to_numpy(zero_copy_only=False) for chunk in chunks)])

    @property
    def synthetic_share(self) -> float:
        """Share of its tokens that are of synthetic documents."""
        return self.n_synthetic_tokens / self.n_tokens if self.n_tokens else 0.0

    def _documents(self, start: int, stop: int) -> DocumentWindow:
        return _window([chunk for table in self._tables(start, stop) for chunk in table.to_batches()])

    def _tables(self, start: int, stop: int) -> Iterator[pa.Table]:
        first = 0
        for tokens in self.sets:
            for number, file in enumerate(tokens.manifest.files):
                low, high = max(start - first, 0), min(stop - first, file.n_rows)
                if low < high:
                    yield tokens.table(number).select(["doc_id", "tokens"]).slice(low, high - low)
                first += file.n_rows


def _tokenizer(tokens: ShardSet) -> TokenizerFacts:
    info = tokens.manifest.info
    lacking = [name for name in ("tokenizer_sha256", "n_vocab", "eos_id") if name not in info]
    lacking += [f"n_tokens of {file.name}" for file in tokens.manifest.files if file.n_tokens is None]
    if lacking:
        raise MixError(f"{tokens.folder}: the manifest lacks {', '.join(lacking)}; make the set with `tokenize run`")
    id_bytes = next((width for width in (2, 4) if not require(tokens.schema, tokens_schema(width))), None)
    if id_bytes is None:
        raise MixError(f"{tokens.folder}: columns {tokens.schema.names} are not those of a tokens set; make the set with `tokenize run`")
    return TokenizerFacts(info["tokenizer_sha256"], info["n_vocab"], info["eos_id"], info.get("pad_id"), id_bytes)


def common_tokenizer(sources: Sequence[TokenSource]) -> TokenizerFacts:
    """The tokenizer that all sets of all sources share. Raises MixError that names two sets that differ, and in what."""
    labelled = [(f"{source.name} ({folder})", tokenizer) for source in sources for folder, tokenizer in zip(source.folders, source.tokenizers, strict=True)]
    first, expected = labelled[0]
    for label, tokenizer in labelled[1:]:
        for field in TokenizerFacts._fields:
            if getattr(tokenizer, field) != getattr(expected, field):
                raise MixError(
                    f"sources {first} and {label} have different {field}: {getattr(expected, field)} and {getattr(tokenizer, field)}; "
                    "tokenize all sources of a mix with one tokenizer"
                )
    return expected


def _window(batches: list[pa.RecordBatch]) -> DocumentWindow:
    ids, lengths, begins, values = [np.empty((0, 16), np.uint8)], [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
    for batch in batches:
        tokens = batch.column("tokens")
        offsets = tokens.offsets.to_numpy()
        ids.append(fixed_bytes(batch.column("doc_id")))
        lengths.append(np.diff(offsets))
        begins.append(offsets[:-1])
        values.append(tokens.values.to_numpy())
    chunk = np.repeat(np.arange(len(values), dtype=np.int32), [len(part) for part in lengths[1:]])
    return DocumentWindow(np.concatenate(ids), np.concatenate(lengths), np.concatenate(begins), chunk, values)


def fixed_bytes(column: pa.FixedSizeBinaryArray) -> NDArray[np.uint8]:
    """(n, width) uint8: the values of a fixed-size binary column, without a copy."""
    width = column.type.byte_width
    return np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, width)[column.offset : column.offset + len(column)]
