"""Laws that are sums of terms, each a coefficient times powers of size, tokens, share or pre-training: what they are made of and how they are fitted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mix.errors import MixError
from mix.laws.law import Array, Evidence, FittedLaw, Points
from mix.laws.separable import Solution, solve, standard_errors

Variable = Literal["parameters", "tokens", "share", "pretraining", "learnability"]
Values = Mapping[str, float]

WHAT = {
    "parameters": "model sizes",
    "tokens": "numbers of tokens",
    "share": "shares of the domain's own source",
    "pretraining": "pre-training tokens per parameter",
    "learnability": "domains",
}


SAME_AMOUNT = 0.02
"""Relative difference up to which tokens or sizes are one number."""
SAME_SHARE = 1e-3
"""Difference up to which shares are one."""


@dataclass(frozen=True)
class Term:
    """One summand: its coefficient's name, and `column`, which takes the nonlinear parameters' values and returns the column float64[n] and its
    derivative by each parameter that it depends on."""

    coefficient: str
    column: Callable[[Values], tuple[Array, dict[str, Array]]]


@dataclass(frozen=True)
class Parameter:
    """A nonlinear parameter: its bounds, and how many distinct values of a variable the evidence needs to tell it; below that it is `default`."""

    lower: float
    upper: float
    default: float
    variable: Variable
    n_distinct: int
    of: str
    """The coefficient without which this parameter has no effect."""
    log: bool = False
    """Whether its logarithm is searched, which suits a positive number of unknown magnitude."""

    def searched(self, value: float) -> float:
        """The number that is searched for this value."""
        return float(np.log(value)) if self.log else value

    def value(self, searched: float) -> float:
        """The value of a searched number."""
        return float(np.exp(searched)) if self.log else searched


def powers(coefficient: str, **logs: Array) -> Term:
    """The term whose column is the product of powers: parameter `name` multiplies the logarithm `logs[name]`, float64[n]."""

    def column(values: Values) -> tuple[Array, dict[str, Array]]:
        exponent = sum((values[name] * log for name, log in logs.items()), np.zeros(1))
        value = np.exp(np.clip(exponent, -700, 700))
        return value, {name: log * value for name, log in logs.items()}

    return Term(coefficient, column)


def variable_of(points: Points, variable: Variable, source: str | None) -> Array:
    """float64[n] of a variable; NaN where a point lacks it, and for tokens and sizes that are not above 0. The share is that of `source`."""
    if variable == "share":
        if source is None or source not in points.sources:
            return np.full(len(points), np.nan)
        return points.shares[:, points.sources.index(source)]
    if variable == "pretraining":
        return variable_of(replace(points, tokens=points.pretraining_tokens), "tokens", None) / variable_of(points, "parameters", None)
    values: Array = getattr(points, variable)
    return np.where(values > 0, values, np.nan)


def log_of(points: Points, variable: Variable, scales: Mapping[str, float]) -> Array:
    """float64[n]: logarithm of a variable over its scale; 0 for a variable that the evidence did not know, which then has no effect."""
    return np.log(variable_of(points, variable, None) / scales[variable]) if variable in scales else np.zeros(len(points))


def source_of(evidence: Evidence) -> str | None:
    """Name of the source that the domain's text comes from."""
    return None if evidence.source is None else evidence.points.sources[evidence.source]


def n_distinct(values: Array, *, share: bool = False) -> int:
    """Number of different known values; runs' tokens differ by a little because their rows are filled differently, and that says nothing of a law."""
    known = np.unique(values[np.isfinite(values)]).tolist()
    different: list[float] = []
    for value in known:
        if not different or value > (different[-1] + SAME_SHARE if share else different[-1] * (1 + SAME_AMOUNT)):
            different.append(value)
    return len(different)


@dataclass(frozen=True)
class FittedTerms:
    """A fitted sum of terms. `values` holds coefficients and nonlinear parameters, `scales` what each variable is divided by before powers are taken."""

    law: "TermLaw"
    source: str | None
    values: dict[str, float]
    scales: dict[str, float]
    unidentified: tuple[str, ...]
    warnings: tuple[str, ...]
    n_free: int

    @property
    def name(self) -> str:
        """The law's name."""
        return self.law.name

    def predict(self, points: Points) -> Array:
        """float64[n]: the loss at each point; NaN where a term of this fit needs a number that the point lacks."""
        terms = [term for term in self.law.terms(points, self.source, self.scales) if term.coefficient in self.values]
        total = np.full(len(points), self.values["E"])
        for term in terms:
            total = total + self.values[term.coefficient] * term.column(self.values)[0]
        return total

    def tangent(self, points: Points) -> Array:
        """float64[n, p]: derivatives by E, by each coefficient and by each nonlinear parameter, held ones included: they are not known either."""
        terms = [term for term in self.law.terms(points, self.source, self.scales) if term.coefficient in self.values]
        columns, changes = [np.ones(len(points))], []
        for term in terms:
            value, by_parameter = term.column(self.values)
            columns.append(value)
            changes.append({name: self.values[term.coefficient] * change for name, change in by_parameter.items()})
        names = list(dict.fromkeys(name for change in changes for name in change))
        columns += [sum((change[name] for change in changes if name in change), np.zeros(len(points))) for name in names]
        return np.stack(np.broadcast_arrays(*columns), axis=1)

    def record(self) -> dict[str, Any]:
        """The fit as JSON values."""
        record = {"law": self.name, "source": self.source, "values": self.values, "scales": self.scales, "n_free": self.n_free}
        return record | self.law.settings() | {"unidentified": list(self.unidentified), "warnings": list(self.warnings)}


class TermLaw(ABC):
    """A law that is a constant E plus terms, none negative. A form says its terms and parameters; what the evidence cannot tell is left out or held."""

    name: str
    reference: str
    needs_source = True
    """Whether the law depends on the share of the domain's own source."""
    parameters: dict[str, Parameter]
    coefficients: dict[str, Variable]
    """The coefficient of each term, with the variable that must differ between rows for the term to be told from the constant."""
    along_runs = True

    @abstractmethod
    def terms(self, points: Points, source: str | None, scales: Mapping[str, float]) -> tuple[Term, ...]:
        """All terms but the constant at these points, in the order of `coefficients`."""

    def variable(self, points: Points, variable: Variable, source: str | None) -> Array:
        """float64[n] of a variable; NaN where a point lacks it."""
        return variable_of(points, variable, source)

    def settings(self) -> dict[str, Any]:
        """What a record must say for `terms` to be computed again, beyond values and scales."""
        return {}

    def signs(self, fitted: FittedTerms, evidence: Evidence) -> list[str]:
        """Conditions of the paper that this fit breaks, each one sentence."""
        return []

    def problem(self, evidence: Evidence) -> str | None:
        """Why this law cannot be fitted to this evidence; None if it can."""
        if self.needs_source and evidence.source is None:
            return f"{self.name} needs the share of the source that the domain's text comes from, and no source is named for this domain"
        evidence, _ = trained(evidence)
        if not (np.isfinite(evidence.losses).all() and (evidence.losses > 0).all()):
            return f"{self.name} needs losses above 0 in every row"
        for variable in self._variables():
            values = self.variable(evidence.points, variable, source_of(evidence))
            if 0 < np.isfinite(values).sum() < len(values):
                return f"{self.name} needs the {WHAT[variable]} of all rows or of none; {np.isnan(values).sum()} of {len(values)} rows lack them"
        kept, free, _ = self._told(evidence)
        if not kept:
            return f"{self.name} needs rows that differ in {', '.join(WHAT[v] for v in self._variables())}; all rows here are alike"
        needed, there = len(kept) + len(free) + 2, self._n_points(evidence)
        if there < needed:
            return f"{self.name} has {needed - 1} free parameters here and needs at least {needed} different points; there are {there}"
        return None

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedTerms:
        """Fit it from many starts drawn with `seed`, or from the one start `start`, whose notes the fit then keeps."""
        if problem := self.problem(evidence):
            raise MixError(problem)
        evidence, left_out = trained(evidence)
        kept, free, notes = self._told(evidence)
        scales = self._scales(evidence)
        fixed = {name: parameter.default for name, parameter in self.parameters.items() if parameter.of in kept and name not in free}
        source = source_of(evidence)
        searched = {name: self.parameters[name] for name in free}
        columns = columns_of([t for t in self.terms(evidence.points, source, scales) if t.coefficient in kept], searched, fixed)
        lower, upper = (np.array([p.searched(getattr(p, side)) for p in searched.values()]) for side in ("lower", "upper"))
        earlier = start if isinstance(start, FittedTerms) and all(name in start.values for name in free) else None
        theta = None if earlier is None else np.array([p.searched(earlier.values[name]) for name, p in searched.items()])
        solution = solve(columns, lower, upper, evidence.losses, seed=seed, start=theta)
        values = dict(zip(["E", *kept], solution.coefficients.tolist(), strict=True)) | fixed | _values(searched, solution.theta)
        fitted = FittedTerms(self, source, values, scales, (), (), 1 + len(kept) + len(free))
        if earlier is not None:
            return replace(fitted, unidentified=earlier.unidentified, warnings=earlier.warnings)
        unidentified, warnings = self._notes(kept, free, solution, standard_errors(columns, solution, evidence.losses), float(evidence.losses.mean()))
        return replace(fitted, unidentified=(*notes, *unidentified), warnings=(*left_out, *warnings, *self.signs(fitted, evidence)))

    def read(self, record: dict[str, Any]) -> FittedTerms:
        """The fitted law of a `record`. Raises MixError for one that this law did not write."""
        try:
            source = None if record["source"] is None else str(record["source"])
            values, scales = ({str(k): float(v) for k, v in record[part].items()} for part in ("values", "scales"))
            unidentified, warnings = (tuple(str(text) for text in record[part]) for part in ("unidentified", "warnings"))
            if record["law"] == self.name:
                return FittedTerms(self, source, values, scales, unidentified, warnings, int(record["n_free"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MixError(f"not a fit of {self.name}: {error!r}") from error
        raise MixError(f"not a fit of {self.name} but of {record['law']}")

    def _variables(self) -> list[Variable]:
        """Variables of the law, in a fixed order."""
        of_parameters = [parameter.variable for parameter in self.parameters.values()]
        return list(dict.fromkeys([*self.coefficients.values(), *of_parameters]))

    def _scales(self, evidence: Evidence) -> dict[str, float]:
        """Geometric mean of each known variable but the share."""
        known = {v: self.variable(evidence.points, v, source_of(evidence)) for v in self._variables() if v in ("parameters", "tokens", "pretraining")}
        return {v: float(np.exp(np.log(values).mean())) for v, values in known.items() if np.isfinite(values).all()}

    def _n_points(self, evidence: Evidence) -> int:
        """Number of different points; repeated seeds are one."""
        table = np.stack([self.variable(evidence.points, v, source_of(evidence)) for v in self._variables()], 1)
        return len(np.unique(np.round(np.nan_to_num(table), 9), axis=0))

    def _told(self, evidence: Evidence) -> tuple[list[str], list[str], list[str]]:
        """Coefficients and parameters that the evidence can tell, and notes on the others."""
        distinct = {v: n_distinct(self.variable(evidence.points, v, source_of(evidence)), share=v == "share") for v in self._variables()}
        kept = [name for name, variable in self.coefficients.items() if distinct[variable] >= 2]
        free = [name for name, p in self.parameters.items() if p.of in kept and distinct[p.variable] >= p.n_distinct]
        notes = []
        for name, variable in self.coefficients.items():
            if name not in kept:
                gone = ", ".join([name, *(p for p, parameter in self.parameters.items() if parameter.of == name)])
                how = "no row says" if distinct[variable] == 0 else "all rows have the same"
                notes.append(f"{gone}: {how} {WHAT[variable]}, so predictions hold for {'those' if distinct[variable] == 0 else 'these'} runs only")
        for name, p in self.parameters.items():
            if p.of in kept and name not in free:
                notes.append(
                    f"{name}: held at {p.default:g}, because {p.n_distinct} different {WHAT[p.variable]} are needed and there are {distinct[p.variable]}"
                )
        return kept, free, notes

    def _notes(
        self, kept: Sequence[str], free: Sequence[str], solution: Solution, errors: tuple[Array, Array], mean_loss: float
    ) -> tuple[list[str], list[str]]:
        """What the fit does not determine, and which parameters are at their bounds."""
        coefficients = dict(zip(kept, solution.coefficients[1:], strict=True))
        unidentified = ["E: its 95% interval is as wide as the losses are high"] if errors[0][0] * 1.96 * 2 > mean_loss else []
        warnings = [f"{name} is 0, so its term has no effect" for name in kept if coefficients[name] == 0]
        for name, value, error in zip(free, solution.theta, errors[1], strict=True):
            p = self.parameters[name]
            low, high = p.searched(p.lower), p.searched(p.upper)
            if coefficients[p.of] == 0:
                unidentified.append(f"{name}: {p.of} is 0")
            elif min(value - low, high - value) < 0.01 * (high - low):
                warnings.append(f"{name} is at its {'lower' if value - low < high - value else 'upper'} bound, {p.value(value):.3g}")
            elif error * 1.96 > (high - low) / 2:
                unidentified.append(f"{name}: its 95% interval covers all of {p.lower:g} to {p.upper:g}")
        return unidentified, warnings


def columns_of(terms: Sequence[Term], searched: Mapping[str, Parameter], fixed: Values) -> Callable[[Array], tuple[Array, Array]]:
    """Columns and derivatives of these terms as a function of the searched numbers, for `mix.laws.separable`. The last result is kept."""
    last: list[tuple[bytes, tuple[Array, Array]]] = [(b"none", (np.zeros(0), np.zeros(0)))]

    def columns(theta: Array) -> tuple[Array, Array]:
        key = theta.tobytes()
        if last[0][0] != key:
            last[0] = (key, computed(theta))
        return last[0][1]

    def computed(theta: Array) -> tuple[Array, Array]:
        values = {**fixed, **_values(searched, theta)}
        parts = [term.column(values) for term in terms]
        stacked = np.stack(np.broadcast_arrays(*(value for value, _ in parts)), 1)
        derivatives = np.zeros((len(searched), *stacked.shape))
        for j, (_, by_parameter) in enumerate(parts):
            for k, (name, parameter) in enumerate(searched.items()):
                if name in by_parameter:
                    derivatives[k, :, j] = by_parameter[name] * (values[name] if parameter.log else 1.0)
        return stacked, derivatives

    return columns


def _values(searched: Mapping[str, Parameter], theta: Array) -> dict[str, float]:
    return {name: parameter.value(number) for (name, parameter), number in zip(searched.items(), theta.tolist(), strict=True)}


def trained(evidence: Evidence) -> tuple[Evidence, list[str]]:
    """The evidence without rows at 0 tokens, which are the base model, and a note if there were any."""
    untrained = evidence.points.tokens == 0
    if not untrained.any():
        return evidence, []
    return evidence.take(~untrained), [f"{int(untrained.sum())} rows at 0 tokens were left out: they are the base model, of which the law says nothing"]
