"""Reasons why laws of shares cannot be fitted to some evidence."""

import numpy as np

from mix.laws.law import Evidence
from mix.laws.ratios import ratio_numbers

NO_RATIOS = "every run has the same shares; it needs runs at different ratios"


def not_finite(evidence: Evidence) -> str | None:
    """Why numbers of this evidence cannot be used; None if losses and shares are all finite."""
    if not len(evidence):
        return "there are no runs with this loss"
    for what, values in (("losses", evidence.losses[:, None]), ("shares", evidence.points.shares)):
        n_bad = int((~np.isfinite(values)).any(axis=1).sum())
        if n_bad:
            return f"{what} are not finite numbers in {n_bad} row{'s' * (n_bad != 1)}; leave such rows out"
    return None


def n_ratios(evidence: Evidence) -> int:
    """Number of different ratios, where shares that differ by the rounding of one row are the same."""
    return int(ratio_numbers(evidence.points.shares).max(initial=-1)) + 1


def too_few(needed: int, there: int, what: str = "distinct ratios") -> str | None:
    """The sentence for fewer ratios than parameters; None if there are enough."""
    return f"{needed} parameters need at least {needed} {what}; there are {there}" if there < needed else None
