"""The sample of documents that a tokenizer is trained on: a number of bytes from each source, selected by document id."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from shards.amounts import bytes_given_as
from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.texts import id_keys, numbers, set_batches, text_offsets


@dataclass
class SourcePortion:
    """What is taken from one source; sizes in UTF-8 bytes of text."""

    asked_bytes: int
    available_bytes: int
    available_documents: int
    bytes: int = 0
    documents: int = 0


class Sample:
    """About the requested number of bytes from each source of documents sets; iterating yields lists of texts.

    A document is taken if its id, read as a fraction, is below requested/available bytes of its source. So the order of documents does not matter,
    and a larger sample contains the smaller one. `portions` is complete after one iteration.
    """

    def __init__(self, sets: Sequence[ShardSet], sample_bytes: int, by_source: Mapping[str, int] | None = None) -> None:
        """`by_source`: bytes to take from each source, others being left out; None: `sample_bytes` from all in proportion to their size.

        Raises TokenizeError if the sets contain no text, or lack a source of `by_source`.
        """
        self._sets = sets
        self.portions = _available(sets)
        total = sum(portion.available_bytes for portion in self.portions.values())
        if not total:
            raise TokenizeError(f"{', '.join(str(documents.folder) for documents in sets)}: no text")
        unknown = sorted(set(by_source or {}) - set(self.portions))
        if unknown:
            raise TokenizeError(f"--sample {unknown[0]}: no such source in the documents, which have {', '.join(sorted(self.portions))}")
        for source, portion in self.portions.items():
            share = -(-sample_bytes * portion.available_bytes // total)
            portion.asked_bytes = min(share if by_source is None else by_source.get(source, 0), portion.available_bytes)

    def __iter__(self) -> Iterator[list[str]]:
        for portion in self.portions.values():
            portion.bytes = portion.documents = 0
        for documents in self._sets:
            for batch in set_batches(documents, ["id", "text", "source"]):
                yield self._take(batch)

    def _take(self, batch: pa.RecordBatch) -> list[str]:
        names, source_indices = source_numbers(batch)
        bounds = np.array([_bound(self.portions[name]) for name in names], np.uint64)
        wanted = np.array([self.portions[name].asked_bytes > 0 for name in names], bool)
        sizes = np.diff(text_offsets(batch.column("text")))
        chosen = np.flatnonzero(wanted[source_indices] & (id_keys(batch.column("id")) <= bounds[source_indices])) if names else np.empty(0, np.int64)
        for index, name in enumerate(names):
            taken = chosen[source_indices[chosen] == index]
            self.portions[name].documents += len(taken)
            self.portions[name].bytes += int(sizes[taken].sum())
        return [text for text in batch.column("text").take(numbers(chosen)).to_pylist() if text]

    def figures(self) -> dict[str, dict[str, Any]]:
        """The portions as a JSON object by source."""
        return {source: asdict(portion) for source, portion in sorted(self.portions.items())}


def parse_portions(asked: Sequence[str] | None) -> dict[str, int] | None:
    """Parse `law=20M` to {"law": 20_000_000}; None if there are none. Raises TokenizeError or ShardError for anything else."""
    n_bytes: dict[str, int] = {}
    for option in asked or []:
        source, separator, size = option.rpartition("=")
        if not separator:
            raise TokenizeError(f"--sample {option}: not SOURCE=BYTES, e.g. law=20M")
        n_bytes[source] = bytes_given_as(f"--sample {source}", size)
    return n_bytes or None


def source_numbers(batch: pa.RecordBatch) -> tuple[list[str], np.ndarray]:
    """Names of the sources in a batch, "" for null, and the index of each document's source in them, (n_docs,) int32."""
    sources = batch.column("source").dictionary_encode(null_encoding="encode")
    names = [name or "" for name in sources.dictionary.to_pylist()]
    return names, np.frombuffer(sources.indices.buffers()[1], np.int32, len(sources)) if names else np.empty(0, np.int32)


def _bound(portion: SourcePortion) -> int:
    return min(portion.asked_bytes * (1 << 64) // max(portion.available_bytes, 1), (1 << 64) - 1)


def _available(sets: Sequence[ShardSet]) -> dict[str, SourcePortion]:
    portions: dict[str, SourcePortion] = {}
    for documents in sets:
        for batch in set_batches(documents, ["text", "source"]):
            names, source_indices = source_numbers(batch)
            sizes = np.bincount(source_indices, np.diff(text_offsets(batch.column("text"))), len(names))
            for name, n_bytes, n_documents in zip(names, sizes, np.bincount(source_indices, minlength=len(names)), strict=True):
                portion = portions.setdefault(name, SourcePortion(0, 0, 0))
                portion.available_bytes += int(n_bytes)
                portion.available_documents += int(n_documents)
    return portions
