"""Orders of the rows within a source: pure functions from position and epoch to row, and back.

Rows of a source that is ordered by a score lie in its rows set in the order of the score, up to one packing window. An order only decides when each
of them comes; each epoch contains every row once. All functions work on numpy arrays and no step depends on the one before, so any row of a run
costs the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple, Protocol

import numpy as np
import xxhash
from numpy.typing import NDArray
from pydantic import Field

from mix.permute import epoch_keys, permuted, tagged, unpermuted

Ints = NDArray[np.int64]

_OPENS_AT: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda part: part,
    "quadratic": np.sqrt,
    "inverse_quadratic": lambda part: 1 - np.sqrt(1 - part),
}
"""Position at which a pace has opened a given fraction of the rows closed at the beginning: inverses of x, x², and 1 - (1 - x)²."""


class Pacing(NamedTuple):
    """Which order: `sorted`, `groups`, `linear`, `quadratic`, `inverse_quadratic` or `interleaved`; see `OrderRecipe`."""

    name: Literal["sorted", "groups", "linear", "quadratic", "inverse_quadratic", "interleaved"]
    groups: Annotated[int, Field(ge=1, le=1000)]
    start: Annotated[float, Field(ge=0, le=1)]
    part: Annotated[float, Field(gt=0, le=1)] = 1.0


class SourceOrder(Protocol):
    """An order of a source's rows."""

    def rows_of(self, position: Ints, epoch: Ints) -> Ints:
        """(m,) int64: the row at each `position` (m,) of its `epoch` (m,), all counted from 0."""

    def positions_of(self, row: Ints, epoch: Ints) -> Ints:
        """(m,) int64: the position of each `row` (m,) in its `epoch` (m,): the inverse of `rows_of`."""


@dataclass(frozen=True)
class Shuffled:
    """A different random order in every epoch."""

    n_rows: int
    key: int

    def rows_of(self, position: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        return permuted(position, np.broadcast_to(self.n_rows, position.shape), epoch_keys(epoch, self.key))

    def positions_of(self, row: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        return unpermuted(row, np.broadcast_to(self.n_rows, row.shape), epoch_keys(epoch, self.key))


@dataclass(frozen=True)
class Sorted:
    """Rows in the order of the rows set, in every epoch."""

    def rows_of(self, position: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        return position

    def positions_of(self, row: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        return row


@dataclass(frozen=True)
class Interleaved:
    """`passes` passes through the source: pass p contains rows p, p + passes, p + 2 · passes, …"""

    n_rows: int
    passes: int

    def rows_of(self, position: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        turn = np.searchsorted(self._starts, position, side="right") - 1
        return turn + self.passes * (position - self._starts[turn])

    def positions_of(self, row: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        step, turn = np.divmod(row, self.passes)
        return self._starts[turn] + step

    @property
    def _starts(self) -> Ints:
        """(passes,): position of the first row of each pass."""
        sizes = -(-(self.n_rows - np.arange(self.passes)) // self.passes)
        return np.cumsum(np.maximum(sizes, 0)) - np.maximum(sizes, 0)


class Phases(NamedTuple):
    """Rows that each group contributes to each phase of an epoch. A phase ends where the next group opens."""

    counts: Ints
    """(n_phases, n_groups)"""

    @property
    def by_phase(self) -> Ints:
        """(n_phases, n_groups): rows before each cell, counted phase by phase."""
        return _before(self.counts)

    @property
    def by_group(self) -> Ints:
        """(n_groups, n_phases): rows before each cell, counted group by group."""
        return _before(self.counts.T)


@dataclass(frozen=True)
class Paced:
    """Groups of rows that open one after another; within a phase all open rows that have not come yet are equally likely.

    Which rows a phase takes from a group, and how it mixes them, are keyed permutations, different in each epoch.
    """

    phases: Phases
    key: int

    def rows_of(self, position: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        by_phase, by_group = self.phases.by_phase, self.phases.by_group
        keys = epoch_keys(epoch, self.key)
        phase = np.searchsorted(by_phase[:, 0], position, side="right") - 1
        mixed = by_phase[phase, 0] + permuted(position - by_phase[phase, 0], self.phases.counts.sum(axis=1)[phase], tagged(keys, 2 * phase))
        phase, group = np.divmod(np.searchsorted(by_phase.ravel(), mixed, side="right") - 1, by_phase.shape[1])
        within = mixed - by_phase[phase, group] + by_group[group, phase] - by_group[group, 0]
        return by_group[group, 0] + permuted(within, self.phases.counts.sum(axis=0)[group], tagged(keys, 2 * group + 1))

    def positions_of(self, row: Ints, epoch: Ints) -> Ints:
        """See `SourceOrder`."""
        by_phase, by_group = self.phases.by_phase, self.phases.by_group
        keys = epoch_keys(epoch, self.key)
        group = np.searchsorted(by_group[:, 0], row, side="right") - 1
        taken = by_group[group, 0] + unpermuted(row - by_group[group, 0], self.phases.counts.sum(axis=0)[group], tagged(keys, 2 * group + 1))
        group, phase = np.divmod(np.searchsorted(by_group.ravel(), taken, side="right") - 1, by_group.shape[1])
        mixed = taken - by_group[group, phase] + by_phase[phase, group] - by_phase[phase, 0]
        return by_phase[phase, 0] + unpermuted(mixed, self.phases.counts.sum(axis=1)[phase], tagged(keys, 2 * phase))


def phases(n_rows: int, pacing: Pacing) -> Phases:
    """Phases of an epoch over `n_rows` rows in groups of equal size, to within a row. The order takes `part` of each group; if that is not all, a
    last phase takes the rest.

    `groups`: a group opens when the one before it is used up. `linear`, `quadratic`, `inverse_quadratic`: at position x of the epoch the first
    start + (1 - start)·f(x) of the rows are open, f(x) being x, x² or 1 - (1 - x)² (the natural forms; arXiv 2506.11300 names them), and a group is
    open once that reaches into it. Rows are never drawn twice, so pacing accelerates where the curve admits fewer rows than are already drawn.
    """
    n_groups = max(1, min(pacing.groups, n_rows))
    sizes = np.diff(np.arange(n_groups + 1) * n_rows // n_groups)
    ordered = sizes if pacing.part == 1 else np.round(sizes * pacing.part).astype(np.int64)
    total = int(ordered.sum())
    opens = np.cumsum(ordered) - ordered
    if pacing.name != "groups":
        closed = np.clip((np.arange(n_groups) / n_groups - pacing.start) / max(1 - pacing.start, 1e-12), 0, 1)
        opens = np.minimum(np.ceil(_OPENS_AT[pacing.name](closed) * total).astype(np.int64), opens)
    remaining = ordered.copy()
    counts = np.zeros((n_groups + (total < n_rows), n_groups), np.int64)
    for phase, (begin, end) in enumerate(zip(opens, [*opens[1:], total], strict=True)):
        counts[phase, : phase + 1] = _apportioned(int(end - begin), remaining[: phase + 1])
        remaining -= counts[phase]
    if total < n_rows:
        counts[-1] = sizes - ordered
    return Phases(counts)


def _apportioned(total: int, sizes: Ints) -> Ints:
    """`total`, at most their sum, divided in proportion to `sizes` by largest remainders; no part exceeds its size."""
    if not total:
        return np.zeros_like(sizes)
    ideal = total * sizes.astype(object)  # exact: the product may not fit 64 bits
    parts = np.array([int(value // int(sizes.sum())) for value in ideal], np.int64)
    remainders = np.array([int(value % int(sizes.sum())) for value in ideal], dtype=object)
    parts[sorted(range(len(sizes)), key=lambda index: (-remainders[index], index))[: total - int(parts.sum())]] += 1
    return parts


def _before(counts: Ints) -> Ints:
    flat = counts.ravel()
    return (np.cumsum(flat) - flat).reshape(counts.shape)


@lru_cache(maxsize=4096)
def source_order(n_rows: int, key: int, pacing: Pacing | None) -> SourceOrder:
    """The order of a source of `n_rows` rows with a 64-bit `key`; random without a pacing."""
    if pacing is None:
        return Shuffled(n_rows, key)
    if pacing.name == "sorted":
        return Sorted()
    if pacing.name == "interleaved":
        return Interleaved(n_rows, pacing.groups)
    return Paced(phases(n_rows, pacing), key)


def source_key(seed: int, name: str) -> int:
    """64-bit key of a source's order: by name, so that adding a source does not reorder the others."""
    return xxhash.xxh3_64_intdigest(f"{seed}/{name}")
