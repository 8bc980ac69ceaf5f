"""Shares of items: Wilson's interval for one share, McNemar's test for two models that answered the same items."""

import math
from statistics import NormalDist

from scipy.special import bdtr, bdtri, chdtrc

from eval.statistics.interval import CONFIDENCE, POWER

_EXACT_UP_TO = 1000
_FEWEST_DISCORDANT = 6


def wilson_interval(n_found: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share, from `n_found` of `n` independent trials (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, scale = n_found / n, 1 + z**2 / n
    centre, reach = (share + z**2 / (2 * n)) / scale, z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / scale
    return max(0.0, centre - reach), min(1.0, centre + reach)


def mcnemar(n01: int, n10: int) -> float:
    """Two-sided p-value that two models are equally often right (McNemar 1947).

    `n01` items only the second model got right, `n10` only the first; items are independent. Exact: the smaller count is binomial with
    share 1/2. Above 1,000 discordant items chi-square with continuity correction, which then agrees to three digits.
    """
    n, smaller = n01 + n10, min(n01, n10)
    if n01 == n10:
        return 1.0
    if n <= _EXACT_UP_TO:
        return min(1.0, 2 * float(bdtr(smaller, n, 0.5)))
    return float(chdtrc(1, (abs(n01 - n10) - 1) ** 2 / n))


def smallest_share(n: int) -> float:
    """Smallest difference in accuracy that McNemar's test can find with 80% power among `n` independent items: that of two models where only one is ever
    right alone. Six such items are the fewest that give p < 0.05."""
    if n <= _FEWEST_DISCORDANT:
        return 1.0
    return float(bdtri(_FEWEST_DISCORDANT - 1, n, 1 - POWER))
