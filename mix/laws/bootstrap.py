"""Laws refitted to losses that could have been measured instead: the residual bootstrap, by whole runs."""

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Law

Array = NDArray[np.float64]


def resample(law: Law, fitted: FittedLaw, evidence: Evidence, n: int, seed: int) -> list[FittedLaw]:
    """Fit `law` n times to losses of the fitted law plus resampled residuals, each from the parameters of `fitted`.

    Residuals are drawn by run, because errors of one run's steps go together: a run gets the mean residual of a drawn run with a random sign, and
    its rows get deviations from such a mean that are drawn from all. Residuals are scaled by sqrt(n_rows / (n_rows - n_free)), since a fit makes them too
    small; where repeated runs say that noise is larger than that, normal noise of the missing variance is added (Davison and Hinkley 1997, 6.3).
    Refits that fail are left out. Raises MixError if more than half of them fail.
    """
    random = np.random.default_rng(seed)
    predicted = fitted.predict(evidence.points)
    means, within, of_run = _errors_by_run(evidence, evidence.losses - predicted, fitted.n_free)
    missing = max((evidence.noise or 0.0) ** 2 - float(np.mean(means**2)), 0.0) ** 0.5
    refitted: list[FittedLaw] = []
    for _ in range(n):
        drawn = random.choice(means, len(means)) * random.choice((-1.0, 1.0), len(means)) + missing * random.standard_normal(len(means))
        deviations = random.choice(within, len(within)) if len(means) < len(within) else np.zeros(len(within))
        try:
            refitted.append(law.fit(evidence.with_losses(predicted + drawn[of_run] + deviations), seed=seed, start=fitted))
        except MixError:
            continue
    if 2 * len(refitted) < n:
        raise MixError(f"{fitted.name}: {n - len(refitted)} of {n} refits to resampled losses failed; the law is not determined by these runs")
    return refitted


def _errors_by_run(evidence: Evidence, residuals: Array, n_free: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Mean residual of each run and each row's deviation from it, both scaled for the fitted parameters; and the run of each row."""
    names, of_run = np.unique(evidence.run, return_inverse=True)
    scale = (len(residuals) / max(len(residuals) - n_free, 1)) ** 0.5
    means = np.bincount(of_run, residuals, len(names)) / np.bincount(of_run, minlength=len(names))
    return scale * means, scale * (residuals - means[of_run]), of_run
