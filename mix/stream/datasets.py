"""A mix as torch's datasets: by row number, as a stream, and as a resumable loader with workers."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from mix.errors import MixError
from mix.stream.batch import RowBatch
from mix.stream.reader import Mix
from mix.stream.row_stream import RowStream, row_of, state_of

IGNORED = -100
"""Label of tokens that are not predicted, as in torch's and transformers' losses."""


class RowDataset(Dataset):
    """Map-style: `dataset[k]` is row `k` of the run in the form that a model of `transformers` takes; torch's default collation stacks rows.

    Keys, each (row_tokens,) int64: `input_ids`; `position_ids`, from 0 in every document; `labels`, IGNORED in padding and at the first token of
    every document, since models shift labels by one; `sources`, indices into `Mix.sources`, -1 in padding. And `row`, an int.
    """

    def __init__(self, mix: Mix) -> None:
        self.mix = mix

    def __len__(self) -> int:
        return self.mix.n_rows

    def __getitem__(self, row: int) -> dict[str, Any]:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Several rows at once, as torch's loaders request them."""
        batch = self.mix.take(rows)
        return [_example(batch, index) for index in range(len(batch.n_tokens))]


class RowIterable(IterableDataset):
    """Iterable-style: `rank`'s part of each global batch, one `RowBatch` of tensors per element; use a loader with `batch_size=None`.

    Of n workers each makes every n-th batch, and torch returns them in turn, so the order of the run is kept. The state is correct only without
    workers; `RowLoader` keeps it with any number of them.
    """

    def __init__(self, mix: Mix, batch_rows: int, *, rank: int = 0, world: int = 1, row: int = 0, depth: int = 2) -> None:
        self.stream = RowStream(mix, batch_rows, rank=rank, world=world, row=row, depth=depth)

    def __iter__(self) -> Iterator[RowBatch]:
        worker = get_worker_info()
        if worker is None:
            yield from map(as_tensors, self.stream)
            return
        mix, batch_rows = self.stream.mix, self.stream.batch_rows
        try:
            for first in range(self.stream.row + worker.id * batch_rows, mix.n_rows, worker.num_workers * batch_rows):
                mix.fetch_ahead(first)
                yield as_tensors(mix.rows(first, min(first + batch_rows, mix.n_rows), self.stream.rank, self.stream.world))
        finally:
            mix.stop_fetching()

    def state_dict(self) -> dict[str, Any]:
        """`row`, `plan_hash` and `prefix_hash`, after the last batch returned in this process."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`. Raises MixError for the state of a plan with other rows before it."""
        self.stream.load_state_dict(state)


class RowLoader:
    """`rank`'s part of each global batch as `RowBatch`es of tensors, read by `workers` processes (0: by a thread of this one).

    The state counts batches that the consumer received, whatever the workers have read ahead. `options` are those of torch's DataLoader, such as
    `pin_memory`, `prefetch_factor`, `multiprocessing_context` and `timeout`. Raises MixError if a worker dies.
    """

    def __init__(self, mix: Mix, batch_rows: int, *, rank: int = 0, world: int = 1, row: int = 0, workers: int = 0, **options: Any) -> None:
        self.mix, self.batch_rows, self.rank, self.world, self.row = mix, batch_rows, rank, world, row
        self._workers, self._options = workers, options

    def __iter__(self) -> Iterator[RowBatch]:
        dataset = RowIterable(self.mix, self.batch_rows, rank=self.rank, world=self.world, row=self.row)
        batches = iter(DataLoader(dataset, batch_size=None, num_workers=self._workers, **self._options))
        while self.row < self.mix.n_rows:
            try:
                batch = next(batches)
            except (RuntimeError, EOFError, ConnectionError) as error:  # the latter two if the worker's shared memory went with it
                if self._workers == 0:
                    raise
                _stop_workers(batches)
                problem = error if isinstance(error, RuntimeError) else f"a DataLoader worker exited unexpectedly ({type(error).__name__})"
                raise MixError(f"{self.mix.location}: reading from row {self.row} failed: {problem}; resume from the last checkpoint") from error
            self.row = min(self.row + self.batch_rows, self.mix.n_rows)
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """`row`, `plan_hash` and `prefix_hash`, for a checkpoint."""
        return state_of(self.mix, self.row)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state` at the next iteration. Raises MixError for the state of a plan with other rows before it."""
        self.row = row_of(self.mix, state)


def _stop_workers(batches: Any) -> None:
    """End a DataLoader's workers. torch raises for each that dies from a signal handler, so even while another error is printed."""
    with suppress(RuntimeError):
        batches._shutdown_workers()


def as_tensors(batch: RowBatch) -> RowBatch:
    """The same arrays as tensors of the same types, without a copy."""
    tensors: Any = map(torch.from_numpy, batch)
    return RowBatch(*tensors)


def _example(batch: RowBatch, index: int) -> dict[str, Any]:
    low, high = batch.seg_offsets[index], batch.seg_offsets[index + 1]
    lengths, n_tokens, row_tokens = batch.seg_lengths[low:high], int(batch.n_tokens[index]), batch.input_ids.shape[1]
    starts = np.cumsum(lengths) - lengths
    ids = batch.input_ids[index].astype(np.int64)
    positions = np.arange(row_tokens)
    positions[:n_tokens] -= np.repeat(starts, lengths)
    positions[n_tokens:] -= n_tokens
    labels, sources = ids.copy(), np.full(row_tokens, -1, np.int64)
    labels[starts], labels[n_tokens:] = IGNORED, IGNORED
    sources[:n_tokens] = np.repeat(batch.seg_sources[low:high], lengths)
    arrays: dict[str, Tensor] = {
        name: torch.from_numpy(array) for name, array in (("input_ids", ids), ("position_ids", positions), ("labels", labels), ("sources", sources))
    }
    return arrays | {"row": int(batch.row_numbers[index])}
