"""Transfer along a chain of models, each trained on the next domain from the one before.

With R[i, j] the bits per byte on domain j after step i, and b[j] those of the baseline (Lopez-Paz and Ranzato 2017, arXiv 1706.08840, with a loss in place
of an accuracy, as arXiv 2402.17400 does for continued pre-training):

- backward transfer of domain j: R[last, j] − R[j, j], what later steps did to it. Positive is forgetting.
- forward transfer of domain j: R[j − 1, j] − b[j], what earlier steps did for it before it was trained on. Negative is a gain.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import stdtrit

from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_difference
from eval.statistics.interval import CONFIDENCE, Interval, two_sided_p
from eval.summary.rows import Difference, Row, judge
from eval.summary.scored import ScoredDomain

MEAN = "mean"


def transfer(domains: Mapping[str, ScoredDomain], scores: Sequence[Row], recipe: EvaluateRecipe) -> Row:
    """The section `transfer` of summary.json: the matrix of bits per byte, and backward and forward transfer by domain and on average.

    Verdicts are corrected among themselves.
    """
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in scores}
    steps: list[Row] = [{"model": recipe.baseline, "domain": None}, *({"model": step.model, "domain": step.domain} for step in recipe.chain)]
    matrix = [step | {"bits_per_byte": {later.domain: bits[step["model"], later.domain] for later in recipe.chain}} for step in steps]
    models = [step.model for step in recipe.chain]
    backward = [_pair(domains[step.domain], step.model, models[-1], recipe) for step in recipe.chain[:-1]]
    forward = [_pair(domains[step.domain], recipe.baseline, models[index], recipe) for index, step in enumerate(recipe.chain[1:])]
    rows = judge([*_with_mean("backward", backward), *_with_mean("forward", forward)])
    return {"steps": matrix, "rows": rows}


def _pair(domain: ScoredDomain, against: str, model: str, recipe: EvaluateRecipe) -> Difference:
    options: dict[str, Any] = {"clusters": domain.clustering.labels, "n_resamples": recipe.n_resamples, "seed": recipe.seed}
    interval = ratio_difference(domain.values(against), domain.values(model), **options)
    facts: Row = {"domain": domain.name, "model": model, "against": against, "of": "checkpoint", "delta": interval.estimate}
    return Difference(facts, interval, is_lossy=any(domain.is_lossy(name, recipe.max_lost) for name in (model, against)))


def _with_mean(kind: str, rows: list[Difference]) -> list[Difference]:
    mean = mean_interval([row.interval for row in rows])
    facts: Row = {"domain": MEAN, "model": None, "against": None, "of": "checkpoint", "delta": mean.estimate}
    every = [*rows, Difference(facts, mean, is_lossy=any(row.is_lossy for row in rows))]
    return [Difference({"kind": kind} | row.facts, row.interval, is_lossy=row.is_lossy) for row in every]


def mean_interval(intervals: Sequence[Interval]) -> Interval:
    """The mean of independent estimates; degrees of freedom by Welch and Satterthwaite. `effective` is the smallest, on which the mean rests, too."""
    k = len(intervals)
    estimate = sum(interval.estimate for interval in intervals) / k
    n, clusters, effective = sum(one.n for one in intervals), sum(one.clusters for one in intervals), min(one.effective for one in intervals)
    if any(math.isinf(interval.high) for interval in intervals):
        return Interval(-math.inf, estimate, math.inf, math.inf, 0.0, 1.0, n, clusters, effective)
    variances = [((one.high - one.low) / 2 / float(stdtrit(one.degrees, (1 + CONFIDENCE) / 2)) / k) ** 2 for one in intervals]
    error = math.sqrt(sum(variances))
    weights = sum(variance**2 / one.degrees for variance, one in zip(variances, intervals, strict=True))
    degrees = sum(variances) ** 2 / weights if weights else intervals[0].degrees
    half = error * float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    return Interval(estimate - half, estimate, estimate + half, error, degrees, two_sided_p(estimate, half, degrees), n, clusters, effective)
