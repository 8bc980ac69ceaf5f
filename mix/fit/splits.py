"""What is held out of the evidence to test a law: each ratio, the largest size, the last steps of each run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mix.fit.rows import DomainRows, Rows

SplitName = Literal["ratio", "size", "step"]

N_FOLDS = 10
MOST_SINGLE_RATIOS = 20
"""With more ratios than this, they are held out in N_FOLDS groups instead of one by one."""
FEWEST_RATIOS = 3
FIRST_STEPS = 2 / 3
"""Part of each run that a law is fitted to before it predicts the rest."""


@dataclass(frozen=True)
class Fold:
    """Row numbers to fit to and to predict. Folds of one number hold the same out of every domain."""

    number: int
    train: Rows
    test: Rows


@dataclass(frozen=True)
class Split:
    """One way to hold rows out. `along_runs` splits test laws that predict along a run, and no others."""

    name: SplitName
    folds: tuple[Fold, ...]
    along_runs: bool = False


def splits_of(rows: DomainRows, seed: int) -> dict[SplitName, Split]:
    """The splits that this evidence has rows for.

    Ratio and size are tested on the last row of each run, so that laws with and without steps predict the same losses.
    """
    return {split.name: split for split in (_by_ratio(rows, seed), _by_size(rows), _by_step(rows)) if split is not None}


def _by_ratio(rows: DomainRows, seed: int) -> Split | None:
    """Leave one ratio out; beyond MOST_SINGLE_RATIOS a tenth of them, drawn with `seed`."""
    if len(np.unique(rows.ratio)) < FEWEST_RATIOS:
        return None
    n_ratios = rows.n_ratios_of_table
    fold_of = np.arange(n_ratios) if n_ratios <= MOST_SINGLE_RATIOS else np.random.default_rng(seed).permutation(n_ratios) % N_FOLDS
    return Split("ratio", tuple(_folds(fold_of[rows.ratio], rows.is_last)))


def _folds(fold_of: Rows, is_tested: NDArray[np.bool_]) -> Iterator[Fold]:
    for fold in np.unique(fold_of).tolist():
        yield Fold(fold, np.flatnonzero(fold_of != fold), np.flatnonzero((fold_of == fold) & is_tested))


def _by_size(rows: DomainRows) -> Split | None:
    """Hold out the largest model size."""
    sizes = rows.evidence.points.parameters
    if np.isnan(sizes).any() or not len(sizes) or sizes.max() <= 1.01 * sizes.min():
        return None
    is_largest = sizes >= sizes.max() / 1.01
    return Split("size", (Fold(0, np.flatnonzero(~is_largest), np.flatnonzero(is_largest & rows.is_last)),))


def _by_step(rows: DomainRows) -> Split | None:
    """Hold out the last third of the steps of each run that has rows before and in it."""
    is_late = np.zeros(len(rows.steps), bool)
    for run in np.unique(rows.evidence.run):
        mine = np.flatnonzero(rows.evidence.run == run)
        late = rows.steps[mine] > FIRST_STEPS * rows.steps[mine].max()
        if len(mine) > 2 and not late.all():
            is_late[mine[late]] = True
    if not is_late.any():
        return None
    return Split("step", (Fold(0, np.flatnonzero(~is_late), np.flatnonzero(is_late)),), along_runs=True)
