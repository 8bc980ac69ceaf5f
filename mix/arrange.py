"""Sources whose documents are packed in an order of their own, some several times or never."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mix.sources import DocumentWindow, TokenSource, fixed_bytes
from shards.manifest import Parent
from shards.read import ShardSet

Numbers = NDArray[np.int64]


class ArrangedSource(TokenSource):
    """Documents of tokens sets by number, in any order and any number of times, read from wherever they lie."""

    def __init__(self, name: str, folders: Sequence[Path], numbers: Numbers, n_tokens: int, arrangement: dict[str, Any], parents: tuple[Parent, ...]) -> None:
        super().__init__(name, folders, verify=False)
        self.numbers = numbers
        """(n_documents,) int64: numbers of documents over all sets, in the order in which they are packed"""
        self.n_documents, self.n_tokens = len(numbers), n_tokens
        self.arrangement = arrangement
        self.packing_window = arrangement["order"][2] if arrangement.get("order") else None
        self._document_parents = parents

    @property
    def parents(self) -> tuple[Parent, ...]:
        """Lineage entries of the tokens sets, and of the documents sets whose columns decide the arrangement."""
        return (*super().parents, *self._document_parents)

    def verify_all(self) -> None:
        """Verify all files, because windows of scattered documents are read without verification. Raises MixError."""
        TokenSource(self.name, self.folders).lengths()

    def _documents(self, start: int, stop: int) -> DocumentWindow:
        return _gathered(self.sets, self.numbers[start:stop])


def arranged(numbers: Numbers, times: Numbers | None, scores: NDArray[np.float64] | None, *, descending: bool) -> Numbers:
    """Documents `numbers` (n,), each `times` (n_all,) times, in the order of `scores` (n_all,); ties stay in their order.

    Without scores all first repeats come before all second ones, so that repeats of a document are far apart. Documents without a score (NaN) come
    last.
    """
    if times is not None:
        numbers = np.concatenate([numbers[times[numbers] > repeat] for repeat in range(int(times[numbers].max(initial=0)))] or [numbers[:0]])
    if scores is not None:
        numbers = numbers[np.argsort(-scores[numbers] if descending else scores[numbers], kind="stable")]
    return numbers


def _gathered(sets: Sequence[ShardSet], numbers: Numbers) -> DocumentWindow:
    """Documents by number over all sets, in the order given."""
    files = [(tokens, number, file.n_rows) for tokens in sets for number, file in enumerate(tokens.manifest.files)]
    first = np.cumsum([0] + [n_rows for *_, n_rows in files])
    n = len(numbers)
    window = DocumentWindow(np.empty((n, 16), np.uint8), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32), [])
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], first)
    for file in np.flatnonzero(np.diff(ends)):
        tokens, number, _ = files[file]
        positions = order[ends[file] : ends[file + 1]]
        _read_file(tokens.table(number), numbers[positions] - first[file], positions, window)
    return window


def _read_file(table: pa.Table, rows: Numbers, positions: Numbers, window: DocumentWindow) -> None:
    """Fill the `positions` of a window with the `rows` of one file, ascending."""
    batches = table.select(["doc_id", "tokens"]).to_batches()
    first = np.cumsum([0] + [batch.num_rows for batch in batches])
    ends = np.searchsorted(rows, first)
    for index in np.flatnonzero(np.diff(ends)):
        target, row = positions[ends[index] : ends[index + 1]], rows[ends[index] : ends[index + 1]] - first[index]
        tokens = batches[index].column("tokens")
        offsets = tokens.offsets.to_numpy()
        window.doc_id[target] = fixed_bytes(batches[index].column("doc_id"))[row]
        window.begin[target], window.length[target], window.chunk[target] = offsets[row], offsets[row + 1] - offsets[row], len(window.values)
        window.values.append(tokens.values.to_numpy())
