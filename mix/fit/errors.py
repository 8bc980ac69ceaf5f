"""How far held-out predictions are off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.fit.rows import DomainRows, Rows
from mix.fit.splits import Split
from mix.fit.trivial import Guess

Array = NDArray[np.float64]

FEWEST_RANKED = 8
"""Ratios below which no rank correlation is given: it would be chance."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions of held-out rows: float64[n] each, and the ratio of each row."""

    observed: Array
    predicted: Array
    ratio: Rows
    n_folds: int

    @property
    def mean_absolute(self) -> float:
        """Mean over ratios of the mean absolute error of each, in the unit of the loss: repeated seeds do not make a ratio count more."""
        return float(self.by_ratio.mean())

    @property
    def root_mean_square(self) -> float:
        """In the unit of the loss, over rows."""
        return float(np.sqrt(np.mean((self.predicted - self.observed) ** 2)))

    @property
    def percent(self) -> float:
        """Mean absolute error over rows in percent of the loss."""
        return float(100 * np.mean(np.abs(self.predicted - self.observed) / np.abs(self.observed)))

    @property
    def by_ratio(self) -> Array:
        """float64[n_ratios]: mean absolute error of each ratio."""
        return _mean_by(self.ratio, np.abs(self.predicted - self.observed))

    @property
    def standard_error(self) -> float | None:
        """Of `mean_absolute`, over ratios; None for one ratio."""
        errors = self.by_ratio
        return float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else None

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's, over ratios; None below FEWEST_RANKED ratios, and where either side is constant."""
        from scipy.stats import spearmanr

        predicted, observed = _mean_by(self.ratio, self.predicted), _mean_by(self.ratio, self.observed)
        if len(observed) < FEWEST_RANKED or np.ptp(predicted) == 0 or np.ptp(observed) == 0:
            return None
        return float(spearmanr(predicted, observed).statistic)


def predict_held_out(guess: Guess, rows: DomainRows, split: Split, usable: Rows) -> HeldOut:
    """Predict the rows that a split holds out, from those of its other rows that are in `usable`.

    Raises MixError if a fold can't be fitted, or predicts no finite loss.
    """
    tested, predicted = [], []
    for number, fold in enumerate(split.folds):
        known, wanted = rows.evidence.take(np.intersect1d(fold.train, usable)), rows.evidence.take(fold.test)
        values = guess(known, wanted)
        if not np.isfinite(values).all():
            raise MixError(f"predicts no finite loss for {(~np.isfinite(values)).sum()} of {len(values)} rows of fold {number + 1}")
        tested.append(fold.test)
        predicted.append(values)
    test = np.concatenate(tested)
    return HeldOut(rows.evidence.losses[test], np.concatenate(predicted), rows.ratio[test], len(split.folds))


def _mean_by(group: Rows, values: Array) -> Array:
    _, numbers = np.unique(group, return_inverse=True)
    return np.asarray(np.bincount(numbers, values) / np.bincount(numbers))
