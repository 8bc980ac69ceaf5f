"""Differences between recipes, each run with several seeds: uncertainty of documents and of seeds together.

Documents are common to both recipes and to all seeds, so their part is paired; runs with different seeds are independent. What a seed does to single
documents is in both parts, so it counts twice, which errs towards wider intervals.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from eval.errors import EvalError
from eval.statistics.differences import BITS, N_RESAMPLES, ratio_difference
from eval.statistics.interval import Interval, student_quantile, two_sided_p


class Noise(NamedTuple):
    """Standard deviation between runs of one recipe that differ by their seed, and the degrees of freedom that it is known with."""

    deviation: float
    degrees: float


def seed_noise(recipes: Sequence[Sequence[np.ndarray]], *, scale: float = BITS, known: Noise | None = None) -> Noise | None:
    """Noise between seeds, pooled over all `recipes` with at least two runs, and with a figure `known` from elsewhere; None if there is neither.

    Each recipe is a list of `(n_docs, 2) float64`, nats and bytes, one array per seed.
    """
    squares, degrees = (known.deviation**2 * known.degrees, known.degrees) if known else (0.0, 0.0)
    for runs in recipes:
        ratios = _ratios(runs, scale)
        squares += float(((ratios - ratios.mean()) ** 2).sum())
        degrees += len(ratios) - 1
    return Noise(math.sqrt(squares / degrees), degrees) if degrees else None


def recipe_difference(
    base: Sequence[np.ndarray],
    new: Sequence[np.ndarray],
    *,
    fixed_base: bool = False,
    noise: Noise | None = None,
    clusters: np.ndarray | None = None,
    scale: float = BITS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    unit: str = "bits per byte",
) -> Interval:
    """Expected ratio of recipe `new` minus that of recipe `base`, over documents and seeds; negative is better.

    `base` and `new` hold one `(n_docs, 2) float64` (nats, bytes) per seed, of the same documents in the same order. `fixed_base`: `base` is a single
    given checkpoint, such as the model that training started from, and has no seeds. `noise`: known from elsewhere, pooled with the
    deviation within `base` and `new`. Raises EvalError if nothing is known about seeds: one run a side and no `noise`.
    """
    if fixed_base and len(base) != 1:
        raise EvalError(f"a fixed baseline is one checkpoint, got {len(base)}")
    pooled = seed_noise([base, new], scale=scale, known=noise)
    if pooled is None:
        raise EvalError("nothing is known about the noise between seeds; run a recipe with two seeds or more, or give a noise figure")
    documents = ratio_difference(_mean(base), _mean(new), clusters=clusters, scale=scale, n_resamples=n_resamples, seed=seed, unit=unit)
    if not math.isfinite(documents.standard_error):
        return documents
    return _with_seeds(documents, pooled.deviation**2 * (1 / len(new) + (0 if fixed_base else 1 / len(base))), pooled.degrees)


def _with_seeds(documents: Interval, variance: float, degrees: float) -> Interval:
    """An interval over documents, widened by the `variance` that seeds add, which is known with `degrees` of freedom.

    Degrees of the sum are Satterthwaite's. To each side, documents count with the reach of their own interval.
    """
    total = documents.standard_error**2 + variance
    if not total:
        return documents
    joint = total**2 / (documents.standard_error**4 / documents.degrees + variance**2 / degrees)
    own, student = student_quantile(documents.degrees), student_quantile(joint)
    below, above = (
        student * math.hypot(reach / own, math.sqrt(variance)) for reach in (documents.estimate - documents.low, documents.high - documents.estimate)
    )
    return replace(
        documents,
        low=documents.estimate - below,
        high=documents.estimate + above,
        standard_error=math.sqrt(total),
        degrees=joint,
        p_value=two_sided_p(documents.estimate, below if documents.estimate > 0 else above, joint),
    )


def _ratios(runs: Sequence[np.ndarray], scale: float) -> np.ndarray:
    return np.array([run[:, 0].sum() / run[:, 1].sum() for run in runs]) * scale


def _mean(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over seeds of nats and bytes by document; the bytes of a document must be the same in all runs."""
    for run in runs[1:]:
        if run.shape != runs[0].shape or not np.array_equal(run[:, 1], runs[0][:, 1]):
            raise EvalError("the runs of a recipe were not scored on the same documents")
    return np.column_stack([np.mean([run[:, 0] for run in runs], axis=0), runs[0][:, 1]])
