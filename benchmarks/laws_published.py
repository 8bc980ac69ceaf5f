"""Published tables of critical mixture ratios (arXiv 2407.17467) and of the D-CPT law (arXiv 2406.01375), and a grid made from that law."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.laws_figures import Figure
from mix.laws.critical import crossing
from mix.laws.d_cpt import DCPT
from mix.laws.law import Evidence, Points
from mix.laws.power import Power, fit_power

Array = NDArray[np.float64]

CRITICAL_RATIO = {
    "460M": (0.22524761, 0.26944345, -0.48139982),
    "940M": (0.7520627, 0.13720245, -1.06581937),
    "1.6B": (-2.36384831, -0.15125569, 1.59223649),
    "3.1B": (-2.5368197, -0.42071423, 0.84375368),
}
"""alpha4, s4 and beta3 of R(T), T in units of 0.2B tokens (arXiv 2407.17467, Table 5)."""
CRITICAL_PERCENT = [29.8, 34.9, 41.4, 47.8]
"""Ratios in percent at T = 100, 20B tokens, of the same sizes."""
RATIOS = np.array([1.0, 0.75, 0.5, 1 / 3])
RATIO_LOSSES = {
    "460M": ([1.4628, 1.4844, 1.5122, 1.5387], 1.5561, 1.5566),
    "940M": ([1.3723, 1.3910, 1.4155, 1.4385], 1.4538, 1.4546),
    "1.6B": ([1.3242, 1.3416, 1.3643, 1.3854], 1.3994, 1.3999),
    "3.1B": ([1.2585, 1.2750, 1.2965, 1.3170], 1.3305, 1.3303),
}
"""Domain losses at RATIOS, the measured loss at a ratio of 25%, and the paper's prediction of it (arXiv 2407.17467, Table 2)."""
DOMAIN_SHARES = np.array([0.9, 0.91, 0.92, 0.924, 0.93, 0.94, 1.0])
GENERAL_LOSSES = np.array([2.9052, 2.9193, 2.9376, 2.9445, 2.9644, 2.9848, 3.4667])
GENERAL_BASE = 2.8602
"""General losses of a 1.8B model after 10B tokens of chemistry and general text, and before (arXiv 2406.01375, Table 5)."""
GENERAL_RISE = 0.03
PUBLISHED_SHARE = 0.924
"""The largest share of the domain whose general loss is at most 3% above the base's, as the paper's law has it."""

SIZES = [0.5e9, 1.8e9, 4e9]
UNSEEN_SIZE = 7e9
NOISE = 0.005
"""Standard deviation of the losses of the made grid, nats a token."""
SEEDS = range(5)


def measure() -> list[Figure]:
    """Ratios and losses of the critical mixture ratio, the D-CPT crossing, and errors on the made grid."""
    return [critical_ratios(), quarter_losses(), general_crossing(), *made_grid()]


def critical_ratios() -> Figure:
    """R(T = 100) of four sizes from the published constants, percent."""
    ours = [100 * float(Power.of(*constants).at(np.array(100.0))) for constants in CRITICAL_RATIO.values()]
    met = bool(np.abs(np.array(ours) - CRITICAL_PERCENT).max() <= 0.1)
    return Figure("cmr_t100", ours, CRITICAL_PERCENT, "within .1 each", met, "% of the domain, 460M 940M 1.6B 3.1B")


def quarter_losses() -> Figure:
    """Largest error of the loss at a ratio of 25% that four larger ratios predict, in percent of the measured loss; the paper's error beside it."""
    ours = [abs(float(fit_power(RATIOS, np.array(losses)).at(np.array(0.25))) / measured - 1) for losses, measured, _ in RATIO_LOSSES.values()]
    paper = [abs(predicted / measured - 1) for _, measured, predicted in RATIO_LOSSES.values()]
    return Figure("cmr_25", 100 * max(ours), 100 * max(paper), "<= .02", 100 * max(ours) <= 0.02, "% of the measured loss, largest of four sizes")


def general_crossing() -> Figure:
    """The share at which the line through the published losses crosses the limit."""
    share = crossing(DOMAIN_SHARES, GENERAL_LOSSES, (1 + GENERAL_RISE) * GENERAL_BASE).share
    return Figure("dcpt_crossing", share, PUBLISHED_SHARE, ".924 within .001", abs(share - PUBLISHED_SHARE) <= 0.001, "share of the domain")


def made_grid() -> list[Figure]:
    """D-CPT fitted to 3 sizes x 20 numbers of tokens x 9 ratios made from it with noise, for several seeds; largest errors at an unseen size.

    Losses: of two domains at unseen tokens and ratios. Ratio: of the lowest sum of the two losses, by the fitted and by the true curves.
    """
    seen = _points(SIZES, np.linspace(0.5e9, 10e9, 20), [0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1])
    unseen = _points([UNSEEN_SIZE], np.array([3e9, 1.5e10]), np.linspace(0.02, 0.98, 193).tolist())
    relative, ratio = [], []
    truth = [law(unseen) for law in LAWS]
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        drawn = [law(seen) + random.normal(0, NOISE, len(seen)) for law in LAWS]
        fitted = [DCPT().fit(Evidence(seen, losses, np.arange(len(seen)), source=source), seed=seed) for source, losses in enumerate(drawn)]
        predicted = [law.predict(unseen) for law in fitted]
        relative += [float(np.abs(found / true - 1).max()) for found, true in zip(predicted, truth, strict=True)]
        for tokens in np.unique(unseen.tokens):
            at = unseen.tokens == tokens
            best, true_best = (unseen.shares[at, 0][(sum(losses)[at]).argmin()] for losses in (predicted, truth))
            ratio.append(abs(float(best - true_best)))
    noise = f"made from the law, noise {NOISE} nats, {len(SEEDS)} seeds, unseen size"
    return [
        Figure("dcpt_heldout", 100 * max(relative), None, "<= .3", max(relative) <= 0.003, f"% of the loss, largest; {noise}"),
        Figure("dcpt_argmin", max(ratio), None, "<= .02", max(ratio) <= 0.02, f"share, largest error of the best ratio; {noise}"),
    ]


def _law(*, floor: float, size: float, tokens: float, share: float, source: int) -> Callable[[Points], Array]:
    """A D-CPT law in size, tokens and the share of this source, with N and D in billions."""

    def loss(points: Points) -> Array:
        r = points.shares[:, source]
        powers = size * (points.parameters / 1e9) ** -0.3 + tokens * r**0.4 * (points.tokens / 1e9) ** -0.25
        return np.asarray(floor + powers + share / (r + 0.1) ** 0.4)

    return loss


LAWS = (_law(floor=1.5, size=0.3, tokens=0.04, share=0.25, source=0), _law(floor=0.6, size=0.2, tokens=0.06, share=0.2, source=1))
"""The true losses of the first and of the second source's text."""


def _points(sizes: list[float], tokens: Array, shares: list[float]) -> Points:
    """Two sources at every combination."""
    parameters, amounts, first = (axis.ravel() for axis in np.meshgrid(sizes, tokens, shares, indexing="ij"))
    unknown = np.full(len(first), np.nan)
    return Points(("first", "second"), np.column_stack([first, 1 - first]), amounts, parameters, unknown, np.full((len(first), 4), np.nan))
