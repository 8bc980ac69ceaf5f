"""A domain's loss at given shares, as an average over components: means, intervals, probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """A domain's loss at m shares, for each of c components.

    `means` and `spreads` are float64[c, m], the mean over seeds and its standard deviation; `noises` is float64[c], the standard deviation of one run;
    both are scales of Student's t with float64[c] `freedoms`. `smoothers` is float64[c, m, n], the change of each mean with each loss of the evidence.
    """

    weights: Array
    means: Array
    spreads: Array
    noises: Array
    freedoms: Array
    smoothers: Array

    @property
    def mean(self) -> Array:
        """float64[m]: mean of the average over components."""
        return np.asarray(self.weights @ self.means)

    @property
    def sd(self) -> Array:
        """float64[m]: standard deviation of the mean over seeds, of fit, form and process together."""
        heavy = self.freedoms / np.maximum(self.freedoms - 2, 0.5)
        square = self.weights @ (heavy[:, None] * self.spreads**2 + (self.means - self.mean) ** 2)
        return np.asarray(np.sqrt(square))

    @property
    def smoother(self) -> Array:
        """float64[m, n]: change of the mean with each loss of the evidence."""
        return np.asarray(np.einsum("c,cmn->mn", self.weights, self.smoothers))

    def below(self, limits: Array | float, *, one_run: bool = False, n_runs: int | None = None) -> Array:
        """float64[m]: probability that the loss is at most the limit: of one run, of the mean of `n_runs` runs, or of the mean over all seeds."""
        noise_share = 1.0 if one_run else 1 / n_runs if n_runs else 0.0
        spread = np.sqrt(self.spreads**2 + noise_share * self.noises[:, None] ** 2)
        standard = (limits - self.means) / np.maximum(spread, 1e-300)
        return np.asarray(self.weights @ stdtr(self.freedoms[:, None], standard))

    def quantile(self, probability: float, *, one_run: bool = False, n_runs: int | None = None) -> Array:
        """float64[m]: the loss that is not exceeded with this probability, by bisection."""
        reach = 60 * np.sqrt(self.spreads**2 + self.noises[:, None] ** 2)
        low, high = (self.means - reach).min(axis=0), (self.means + reach).max(axis=0)
        for _ in range(60):
            middle = (low + high) / 2
            under = self.below(middle, one_run=one_run, n_runs=n_runs) < probability
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.asarray((low + high) / 2)

    def draws(self, random: np.random.Generator, n: int, *, one_run: bool) -> Array:
        """float64[n, m]: draws of the loss, each ratio by itself."""
        which = random.choice(len(self.weights), n, p=self.weights / self.weights.sum())
        spread = np.sqrt(self.spreads**2 + (self.noises[:, None] ** 2 if one_run else 0.0))
        return np.asarray(self.means[which] + spread[which] * random.standard_t(self.freedoms[which])[:, None])
