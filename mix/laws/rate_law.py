"""What the laws of learning rates share: the evidence that they need, the fit, and the record (arXiv 2505.07796)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.rate_terms import Pretraining, RateForm
from mix.laws.separable import Solution, solve, standard_errors

Array = NDArray[np.float64]

_N_SEARCHED = 1200
"""Rows, evenly over all, from which the search begins. Steps of one run say much the same, and the search over thousands would take seconds."""

_LIKELIER = 2.0
"""Difference of log-likelihoods from which one sign of the shift is preferred; the usual bound of support intervals (Edwards 1972)."""

_EXACT = 1e-6
"""Relative residuals below this are rounding."""

_UNCERTAIN = 0.5
"""A parameter is not identified if its standard error is more than this share of its value: then half of it, or twice it, may as well be true."""


@dataclass(frozen=True)
class FittedRates:
    """A fitted law of learning rates."""

    law: "RateLaw"
    form: RateForm
    parameters: dict[str, float]
    unidentified: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=(), init=False)

    @property
    def name(self) -> str:
        """The law's name, as `--law` takes it."""
        return self.law.name

    @property
    def n_free(self) -> int:
        """Number of parameters that were fitted."""
        return len(self.parameters)

    def predict(self, points: Points) -> Array:
        """float64[n]: the loss at each point; NaN where a point lacks an area, or continues another model than the evidence did."""
        terms = self.form.terms(points, self.parameters)
        total: Array = np.sum([self.parameters[name] * terms[name].value for name in self.form.linear], axis=0)
        return total

    def tangent(self, points: Points) -> Array:
        """float64[n, p]: derivatives by the linear parameters, and by what is searched of the others."""
        values, derivatives = self.form.columns(points)(self.form.searched(self.parameters))
        linear = np.abs([self.parameters[name] for name in self.form.linear[1:]])
        return np.column_stack([np.ones(len(points)), values, (derivatives @ linear).T])

    def record(self) -> dict[str, Any]:
        """Form and parameters as JSON values."""
        return {"law": self.name, "form": self.form.record(), "parameters": dict(self.parameters), "unidentified": list(self.unidentified)}


class RateLaw(ABC):
    """A law of learning rates. Subclasses give its forms, and say what evidence they need besides areas."""

    name: ClassVar[str]
    reference: ClassVar[str]
    along_runs: ClassVar[bool] = True

    @abstractmethod
    def form(self, evidence: Evidence, pretraining: Pretraining, largest: float, rises: bool) -> RateForm:
        """The form for this evidence. `largest`: its largest forward area; `rises`: whether the shift raises the loss."""

    @abstractmethod
    def read_form(self, record: Mapping[str, Any]) -> RateForm:
        """The form of a record; may raise KeyError, TypeError or ValueError."""

    @abstractmethod
    def lacks(self, evidence: Evidence) -> str | None:
        """What the evidence lacks besides areas, in one line."""

    def problem(self, evidence: Evidence) -> str | None:
        """Why this law cannot be fitted to this evidence, in one line; None if it can."""
        continued = evidence.points.areas[:, 2:]
        unknown = int((~np.isfinite(continued).all(1)).sum())
        if unknown:
            return f"{unknown} of {len(evidence)} rows lack learning-rate areas; `mix runs` gathers them, or give lr.forward_area and lr.annealing_area"
        if not (continued[:, 0] > 0).any():
            return "no row has a forward area above 0; the law needs curves of continued pre-training"
        if not (np.isfinite(evidence.losses) & (evidence.losses > 0)).all():
            return "the law needs losses above 0 in every row"
        try:
            Pretraining.of(evidence.points)
        except MixError as error:
            return str(error)
        if lacking := self.lacks(evidence):
            return lacking
        n_free = len(self._forms(evidence)[0].names)
        if len(evidence) < n_free + 2:
            return f"{len(evidence)} rows; the law has {n_free} parameters and needs {n_free + 2} rows, which may be steps of the same run"
        return None

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedRates:
        """The Huber fit of relative errors, with the shift upwards or downwards, whichever fits better. The loss of the model that training starts from
        counts as one more row. With `start`, its form is kept, and so are its notes.

        Raises MixError where `problem` names one, and where no start converges.
        """
        if problem := self.problem(evidence):
            raise MixError(f"law {self.name}: {problem}")
        points, losses, run = _with_base(evidence)
        if isinstance(start, FittedRates) and start.name == self.name:
            form = start.form
            solution = solve(form.columns(points), *form.bounds(), losses, seed=seed, start=form.searched(start.parameters))
            return FittedRates(self, form, form.parameters(solution), start.unidentified)
        some = np.unique(np.linspace(0, len(losses) - 1, min(len(losses), _N_SEARCHED)).round().astype(np.int64))
        found = []
        for form in self._forms(evidence):
            first = solve(form.columns(points.take(some)), *form.bounds(), losses[some], seed=seed)
            solution = first if len(some) == len(losses) else solve(form.columns(points), *form.bounds(), losses, seed=seed, start=first.theta)
            found.append((float(np.abs(solution.residuals).sum()), form, solution))
        found.sort(key=lambda one: one[0])
        (_, form, solution), (_, _, opposite) = found
        notes = (*_unidentified(form, solution, points, losses, run), *_either_sign(solution, opposite, run))
        return FittedRates(self, form, form.parameters(solution), notes)

    def read(self, record: dict[str, Any]) -> FittedRates:
        """The fitted law of a `record`. Raises MixError for one that this law did not write."""
        try:
            form = self.read_form(record["form"])
            parameters = {name: float(record["parameters"][name]) for name in form.names}
            unidentified = tuple(str(text) for text in record["unidentified"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise MixError(f"not a fit of {self.name}: {error!r}; fit it again with `mix fit`") from error
        wrong = [name for name, number in parameters.items() if not np.isfinite(number)]
        if record.get("law") != self.name or wrong:
            raise MixError(f"not a fit of {self.name}: {'law is ' + str(record.get('law')) if not wrong else wrong[0] + ' is not finite'}; fit it again")
        return FittedRates(self, form, parameters, unidentified)

    def _forms(self, evidence: Evidence) -> tuple[RateForm, RateForm]:
        pretraining, largest = Pretraining.of(evidence.points), float(evidence.points.areas[:, 2].max())
        return self.form(evidence, pretraining, largest, True), self.form(evidence, pretraining, largest, False)


def n_different(values: Array) -> int:
    """Number of different rows of float64[n, k], to 6 digits; rows with unknown numbers do not count."""
    known = values[np.isfinite(values).all(1)]
    return len(np.unique(np.round(known, 6), axis=0))


def _with_base(evidence: Evidence) -> tuple[Points, Array, NDArray[np.int64]]:
    """The evidence, and the model that training starts from as a row without areas of continued pre-training, unless its curve is there already."""
    points = evidence.points
    if evidence.base is None or Pretraining.of(points).curve or n_different(points.parameters[:, None]) > 1:
        return points, evidence.losses, evidence.run
    extended = points.take(np.append(np.arange(len(points)), 0))
    extended.areas[-1, 2:] = 0
    return extended, np.append(evidence.losses, evidence.base), np.append(evidence.run, evidence.run.max(initial=0) + 1)


def _unidentified(form: RateForm, solution: Solution, points: Points, losses: Array, run: NDArray[np.int64]) -> tuple[str, ...]:
    """Parameters that are 0 or at a bound of their range, and those with a large standard error."""
    values = form.parameters(solution)
    linear, inside = standard_errors(form.columns(points), solution, losses)
    wider = _correlation(solution.residuals, run)
    found = [] if form.pretraining.curve else ["C1: all rows continue one model, so its term is a constant and part of L0; predictions hold for that model"]
    for name, error in zip(form.linear, (linear * wider).tolist(), strict=True):
        needed = min(abs(values[name]), float(np.ptp(losses))) if name == "L0" else abs(values[name])  # a level is told by the range of the losses
        if values[name] == 0:
            of = [other for other, part in form.inside.items() if part.of == name]
            found.append(f"{name}: it ends at 0, the bound of its range" + (f", so {', '.join(of)} may have any value" if of else ""))
        elif error > _UNCERTAIN * needed:
            found.append(f"{name}: {values[name]:.3g} has a standard error of {_shown(error)}")
    for (name, part), searched in zip(form.inside.items(), (inside * wider).tolist(), strict=True):
        if values[part.of] == 0:
            continue
        value = values[name]
        error, needed = (searched * value, value) if part.scaled else (searched, max(abs(value), 1.0))
        if (bound := part.bound(value)) is not None:
            found.append(f"{name}: it ends at {bound:.3g}, a bound of its range")
        elif error > _UNCERTAIN * needed:
            found.append(f"{name}: {value:.3g} has a standard error of {_shown(error)}")
    return tuple(found)


def _either_sign(best: Solution, opposite: Solution, run: NDArray[np.int64]) -> tuple[str, ...]:
    """A note if the shift with the opposite sign is as likely: a log-likelihood within 2, for residuals of Laplace's distribution."""
    errors, others = (max(float(np.abs(solution.residuals).sum()), _EXACT * len(run)) for solution in (best, opposite))
    if len(run) / _correlation(best.residuals, run) ** 2 * np.log(others / errors) >= _LIKELIER:
        return ()
    return ("sign of B: the opposite shift fits as well, so it is not known whether the text is like the old or like the new data",)


def _shown(error: float) -> str:
    return f"{error:.2g}" if error < 1e6 else "more than a million"


def _correlation(residuals: Array, run: NDArray[np.int64]) -> float:
    """What the correlation of neighbouring rows of a run widens standard errors by, as if it were of first order: √((1 + ρ)/(1 − ρ))."""
    squares = float(residuals @ residuals)
    same = run[1:] == run[:-1]
    rho = float((residuals[1:] * residuals[:-1])[same].sum()) / squares if squares else 0.0
    rho = min(max(rho, 0.0), 0.95)
    return float(np.sqrt((1 + rho) / (1 - rho)))
