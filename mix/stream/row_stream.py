"""The plain iterator over a run: gathers ahead in a thread, and tracks the row that its consumer has reached."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.stream.ahead import prepared_ahead
from mix.stream.batch import RowBatch
from mix.stream.reader import Mix


class RowStream:
    """`rank`'s part of each global batch of `batch_rows` rows, from row `row` to the run's end, `depth` batches read ahead.

    Its state is the first row that the consumer has not received, and hashes of the plan and of the rows before that one; a run may resume from it with
    another batch size and another number of ranks, and on another plan that begins with the same rows. With `pin`, token ids lie in page-locked memory
    (needs torch with CUDA), newly allocated for each batch. Raises MixError, also where a batch could not be read in the thread.
    """

    def __init__(self, mix: Mix, batch_rows: int, *, rank: int = 0, world: int = 1, row: int = 0, depth: int = 2, pin: bool = False) -> None:
        if batch_rows < 1 or not 0 <= rank < world or depth < 1:
            raise MixError(
                f"batch_rows {batch_rows}, rank {rank} of {world}, depth {depth}: expected batch_rows and depth of at least 1, and a rank from 0 to world - 1"
            )
        self.mix, self.batch_rows, self.rank, self.world = mix, batch_rows, rank, world
        self.row = row
        """First row of the run that has not been returned, over all ranks."""
        self._depth, self._empty = depth, pinned if pin else np.empty
        self._batches: Iterator[RowBatch] | None = None

    def __iter__(self) -> "RowStream":
        return self

    def __next__(self) -> RowBatch:
        if self._batches is None:
            self._batches = prepared_ahead(self._read, range(self.row, self.mix.n_rows, self.batch_rows), self._depth)
        try:
            batch = next(self._batches)
        except Exception as error:
            if not isinstance(error, StopIteration):
                self.close()  # so that iterating after an error returns the same rows, not the end
            raise
        self.row = min(self.row + self.batch_rows, self.mix.n_rows)
        return batch

    def state_dict(self) -> dict[str, Any]:
        """`row`, `plan_hash` and `prefix_hash`, for a checkpoint."""
        return state_of(self.mix, self.row)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state`. Raises MixError for the state of a plan with other rows before it."""
        self.close()
        self.row = row_of(self.mix, state)

    def close(self) -> None:
        """Discard what was read ahead, and end the thread."""
        if self._batches is not None:
            self._batches.close()  # type: ignore[attr-defined]
            self.mix.stop_fetching()
        self._batches = None

    def _read(self, first: int) -> RowBatch:
        self.mix.fetch_ahead(first)
        return self.mix.rows(first, min(first + self.batch_rows, self.mix.n_rows), self.rank, self.world, self._empty)


def state_of(mix: Mix, row: int) -> dict[str, Any]:
    """The state of a reader whose next row is `row`."""
    return {"row": row, "plan_hash": mix.plan_hash, "prefix_hash": mix.plan.prefix_hash(row)}


def row_of(mix: Mix, state: dict[str, Any]) -> int:
    """The row of a reader's state. `prefix_hash` may be missing. Raises MixError for an invalid state, and for that of another plan unless both plans
    have the same rows before it."""
    row = state.get("row")
    if not isinstance(row, int) or not 0 <= row <= mix.n_rows:
        raise MixError(f"{mix.location}: the state has row {row}, but this mix has rows 0 to {mix.n_rows}")
    if state.get("plan_hash") != mix.plan_hash and state.get("prefix_hash") != mix.plan.prefix_hash(row):
        raise MixError(
            f"{mix.location}: this mix has plan {mix.plan_hash}, the state was taken on plan {state.get('plan_hash')} at row {row}, "
            "and their rows before it differ; open the mix of that run, or one that extends it at that row or later"
        )
    return row


def pinned(shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array in page-locked memory, from torch's cache, so that copies to a device are asynchronous. Raises MixError without CUDA."""
    import torch

    if not torch.cuda.is_available():
        raise MixError("pinned memory needs torch with a CUDA device; leave pin off")
    return torch.empty(shape, dtype=getattr(torch, dtype.name), pin_memory=True).numpy()
