"""Forms of law that a belief averages over, each fitted once and known by its tangent space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.catalog import LAWS
from mix.laws.law import Evidence, FittedLaw, Points
from mix.suggest.comparable import points_like

Array = NDArray[np.float64]

FORMS = ("exponential", "log_offset", "power_offset")
"""Laws of the shares alone. Those of the catalog that are the same curve with another robust loss are left out: each curve has one vote."""

_N_BETWEEN = 200


@dataclass(frozen=True)
class FittedForm:
    """A fitted form in orthonormal coordinates: `tangent` is float64[n, p] over the evidence, `to_orthonormal` is float64[q, p] from the law's q columns."""

    name: str
    law: FittedLaw
    predicted: Array
    tangent: Array
    to_orthonormal: Array

    def at(self, points: Points) -> tuple[Array, Array]:
        """float64[m] predictions and float64[m, p] tangent."""
        columns = self.law.tangent(points)
        assert columns is not None
        return self.law.predict(points), columns @ self.to_orthonormal


class Linear:
    """The loss is linear in shares: the form to fall back on, with the process of `mix.suggest.process` on top."""

    name = "linear"
    unidentified: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __init__(self, evidence: Evidence) -> None:
        self.coefficients = np.linalg.lstsq(evidence.points.shares, evidence.losses, rcond=1e-9)[0]
        self.n_free = len(self.coefficients)

    def predict(self, points: Points) -> Array:
        """float64[n]: the loss at each point."""
        return np.asarray(points.shares @ self.coefficients)

    def tangent(self, points: Points) -> Array:
        """float64[n, k]: the shares themselves."""
        return points.shares

    def record(self) -> dict[str, object]:
        """Name and coefficients, one for each source."""
        return {"law": self.name, "coefficients": self.coefficients.tolist()}


def fit_forms(evidence: Evidence, target: Points, seed: int) -> list[FittedForm]:
    """Every law of the catalog that this evidence determines and that predicts at `target`, and the linear form.

    A law needs a tangent, at least two more distinct ratios than it has free parameters, and plausible losses between the ratios of the evidence.
    """
    laws: list[FittedLaw] = [Linear(evidence)]
    for law in (LAWS[name] for name in FORMS if name in LAWS):
        if law.problem(evidence) is None:
            try:
                laws.append(law.fit(evidence, seed=seed))
            except MixError:
                continue
    n_ratios = len(np.unique(evidence.points.shares.round(6), axis=0))
    found = (_orthonormal(law, evidence) for law in laws)
    return [
        form
        for form in found
        if form is not None
        and form.tangent.shape[1] <= max(n_ratios - 2, 2)
        and np.isfinite(np.concatenate(form.at(target), axis=None)).all()
        and (form.name == Linear.name or _is_plausible(form.law, evidence, seed))
    ]


def _is_plausible(law: FittedLaw, evidence: Evidence, seed: int) -> bool:
    """Whether the law stays near the evidence's losses at random averages of its ratios: within the range of losses, extended by itself on both sides.

    A steep exponential fitted to losses that hardly differ passes through all of them and falls to anything between them.
    """
    shares, random = evidence.points.shares, np.random.default_rng(seed)
    inside = np.concatenate([random.dirichlet(np.full(len(shares), strength), _N_BETWEEN) for strength in (0.1, 1.0)]) @ shares
    predicted = law.predict(points_like(evidence.points, inside))
    low, high = float(evidence.losses.min()), float(evidence.losses.max())
    return bool(((predicted >= low - (high - low)) & (predicted <= high + (high - low))).all())


def _orthonormal(law: FittedLaw, evidence: Evidence) -> FittedForm | None:
    columns, predicted = law.tangent(evidence.points), law.predict(evidence.points)
    if columns is None or not np.isfinite(columns).all() or not np.isfinite(predicted).all():
        return None
    left, sizes, right = np.linalg.svd(columns, full_matrices=False)
    kept = sizes > 1e-8 * sizes.max(initial=1e-300)
    return FittedForm(law.name, law, predicted, left[:, kept], right[kept].T / sizes[kept])
