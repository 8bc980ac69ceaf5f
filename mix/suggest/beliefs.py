"""What is believed of each domain's loss at any shares: forms of law and a process for what they leave, averaged by held-out error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, Points
from mix.suggest.comparable import comparable_rows, points_like
from mix.suggest.forms import FittedForm, fit_forms
from mix.suggest.hull import allowed_shares
from mix.suggest.look import Look
from mix.suggest.process import Fitted, covariance, covariance_diagonal, fit_process
from mix.suggest.request import Request

Array = NDArray[np.float64]

_LEAST_WEIGHT = 0.005  # components below it are dropped: each costs a matrix product for every set of candidates


@dataclass(frozen=True)
class Component:
    """One form with one setting of the process, and its weight in the average."""

    form: FittedForm
    process: Fitted
    weight: float


@dataclass(frozen=True)
class DomainBelief:
    """What is believed of one domain's loss. `forms` has the weight of each form of law."""

    evidence: Evidence
    components: tuple[Component, ...]
    forms: dict[str, float]
    like: Points

    def look(self, shares: Array) -> Look:
        """The belief at shares float64[m, k]."""
        points = points_like(self.like, shares)
        at_form = {c.form.name: c.form.at(points) for c in self.components}
        means, spreads, smoothers = [], [], []
        for c in self.components:
            predicted, tangent = at_form[c.form.name]
            cross = covariance(shares, self.evidence.points.shares, tangent, c.form.tangent, c.process.setting)
            smoother = cross @ c.process.inverse
            prior = covariance_diagonal(tangent, c.process.setting)
            means.append(predicted + cross @ c.process.weights)
            spreads.append(np.sqrt(np.maximum(prior - (smoother * cross).sum(1), 0) * c.process.variance))
            smoothers.append(smoother)
        return Look(
            np.array([c.weight for c in self.components]),
            np.stack(means),
            np.stack(spreads),
            np.sqrt([c.process.variance for c in self.components]),
            np.array([c.process.freedom for c in self.components]),
            np.stack(smoothers),
        )

    def difference_variance(self, shares: Array, other: Array) -> Array:
        """float64[m]: variance of the mean loss at shares float64[m, k] minus that at float64[k] `other`."""
        look = self.look(np.concatenate([shares, other[None]]))
        gaps = look.means[:, :-1] - look.means[:, -1:]
        total = look.weights @ (gaps - look.weights @ gaps) ** 2
        points = points_like(self.like, np.concatenate([shares, other[None]]))
        at_form = {c.form.name: c.form.at(points)[1] for c in self.components}
        for i, c in enumerate(self.components):
            tangent = at_form[c.form.name]
            prior = covariance(shares, other[None], tangent[:-1], tangent[-1:], c.process.setting)[:, 0]
            cross = covariance(other[None], self.evidence.points.shares, tangent[-1:], c.form.tangent, c.process.setting)[0]
            together = (prior - look.smoothers[i, :-1] @ cross) * c.process.variance
            total = total + c.weight * np.maximum(look.spreads[i, :-1] ** 2 + look.spreads[i, -1] ** 2 - 2 * together, 0)
        return np.asarray(total)

    @property
    def noise(self) -> float:
        """Standard deviation of one run's loss against the mean over seeds."""
        return float(np.sqrt(sum(c.weight * c.process.variance for c in self.components)))

    @property
    def discrepancy(self) -> float:
        """Standard deviation of what no form explains."""
        return float(np.sqrt(sum(c.weight * c.process.variance * c.process.setting.ratio**2 for c in self.components)))


@dataclass(frozen=True)
class Beliefs:
    """Beliefs of all domains of a request, from one set of ratios.

    `ratios` is float64[n, k], the distinct shares of the evidence; `repeated` says whether some of them were run more than once.
    """

    sources: tuple[str, ...]
    domains: dict[str, DomainBelief]
    ratios: Array
    repeated: bool

    def look(self, shares: Array) -> dict[str, Look]:
        """Each domain's loss at shares float64[m, k]."""
        return {name: belief.look(shares) for name, belief in self.domains.items()}


def believe(request: Request, evidence: dict[str, Evidence]) -> Beliefs:
    """Fit every form to each domain of the request and weigh them.

    `evidence` holds each domain's losses, of all steps or the last. Of each run one row is used: that at the request's tokens, or the last.
    Raises MixError if runs are too few, with the number needed, or not comparable.
    """
    first = next(iter(evidence.values()), None)
    if first is None:
        raise MixError("no evidence: no domain has losses")
    request.check(tuple(evidence), first.points.sources)
    chosen = {name: comparable_rows(request, evidence[name], name) for name in request.domains}
    domains = {name: _believe_domain(part, request) for name, part in chosen.items()}
    shares = np.concatenate([part.points.shares for part in chosen.values()]).round(9)
    ratios = np.unique(shares, axis=0)
    return Beliefs(request.sources, domains, ratios, any(len(np.unique(p.points.shares.round(9), axis=0)) < len(p) for p in chosen.values()))


def _believe_domain(evidence: Evidence, request: Request) -> DomainBelief:
    like = points_like(evidence.points, evidence.points.shares)
    reach = allowed_shares(request, evidence.points.shares).extremes if request.extrapolate else evidence.points.shares
    forms = fit_forms(evidence, points_like(evidence.points, np.concatenate([evidence.points.shares, reach])), request.seed)
    groups = np.unique(evidence.points.shares.round(6), axis=0, return_inverse=True)[1].reshape(-1)
    known = (evidence.noise or 0.0) ** 2, float(evidence.noise_freedom) if len(np.unique(groups)) == len(groups) and evidence.noise else 0.0
    fits = [list(fit_process(evidence.points.shares, evidence.losses - form.predicted, form.tangent, groups, known)) for form in forms]
    within = [_normalised(np.array([f.log_evidence for f in processes])) for processes in fits]
    scores = np.array([_held_out(processes, weights) for processes, weights in zip(fits, within, strict=True)])
    by_form = pseudo_averaging(scores, request.seed)
    components = [
        Component(form, process, float(weight * share))
        for form, processes, weights, share in zip(forms, fits, within, by_form, strict=True)
        for process, weight in zip(processes, weights, strict=True)
        if weight * share >= _LEAST_WEIGHT
    ]
    total = sum(c.weight for c in components)
    components = [Component(c.form, c.process, c.weight / total) for c in components]
    return DomainBelief(evidence, tuple(components), {form.name: float(w) for form, w in zip(forms, by_form, strict=True)}, like)


def _held_out(processes: list[Fitted], weights: Array) -> Array:
    """float64[g]: log density of each held-out ratio under the average of the settings."""
    densities = np.stack([process.log_held_out for process in processes])
    top = densities.max(axis=0)
    return np.asarray(top + np.log(weights @ np.exp(densities - top)))


def pseudo_averaging(scores: Array, seed: int, n_draws: int = 1000) -> Array:
    """float64[f]: weights of f forms from their held-out log densities, float64[f, g] over g ratios.

    Pseudo Bayesian model averaging with a Bayesian bootstrap over ratios (pseudo-BMA+, Yao and others 2018, arXiv 1704.02030): forms that fit about equally
    well share the weight, because the ratios that tell them apart may be few.
    """
    random = np.random.default_rng(seed)
    draws = random.dirichlet(np.ones(scores.shape[1]), n_draws) * scores.shape[1]
    totals = draws @ scores.T
    weights = np.exp(totals - totals.max(axis=1, keepdims=True))
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)).mean(axis=0))


def _normalised(logs: Array) -> Array:
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
