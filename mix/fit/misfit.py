"""Whether the form of a law describes the losses it was fitted to, as far as the noise between seeds tells."""

from typing import NamedTuple

import numpy as np

from mix.fit.rows import DomainRows
from mix.laws.law import FittedLaw

LARGEST_CHANCE = 0.01
"""A form fails if misfit as large would appear with a smaller chance than this although the form is right."""


class Misfit(NamedTuple):
    """Mean squared deviation of each point's mean loss from the law, in units of its squared noise; 1 is expected of the right form."""

    reduced_chi_squared: float
    freedom: int
    p: float

    @property
    def fails(self) -> bool:
        """Whether the form does not describe these losses."""
        return self.p < LARGEST_CHANCE


def misfit(law: FittedLaw, rows: DomainRows) -> Misfit | None:
    """Misfit at the last row of each run; None where the noise is unknown, or where there are no more points than parameters.

    An F test where the noise is estimated from repeated seeds, and a chi-squared test where it is stated.
    """
    from scipy.stats import chi2, f

    last = rows.evidence.take(rows.is_last)
    point = np.unique(rows.point[rows.is_last], return_inverse=True)[1]
    n_points = int(point.max(initial=-1)) + 1
    freedom = n_points - law.n_free
    if not last.noise or freedom < 1 or law.n_free == 0:
        return None
    count = np.bincount(point)
    off = np.bincount(point, last.losses - law.predict(last.points)) / count
    reduced = float(np.sum(count * off**2) / last.noise**2 / freedom)
    p = f.sf(reduced, freedom, last.noise_freedom) if last.noise_freedom else chi2.sf(reduced * freedom, freedom)
    return Misfit(reduced, freedom, float(p))
