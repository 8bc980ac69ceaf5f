"""D-CPT law: a domain's loss from model size, tokens and the share of the domain's own source (arXiv 2406.01375, the form called L3 there)."""

from collections.abc import Mapping

import numpy as np

from mix.laws.law import Array, Evidence, Points
from mix.laws.terms import FittedTerms, Parameter, Term, TermLaw, Values, log_of, powers, variable_of

SMALLEST_SHARE = 1e-300
"""Stands for a share of 0 under a logarithm, so that 0 to a positive power is 0."""
STEPS_NOTE = "the law has no learning rate: on published curves it predicted later steps of a run worse than carrying the last loss forward does"

SIZE = {"alpha": Parameter(0.01, 2.0, 0.34, "parameters", 3, "A")}
TOKENS = {"eta": Parameter(0.01, 3.0, 0.5, "share", 3, "B"), "beta": Parameter(0.01, 2.0, 0.28, "tokens", 3, "B")}
SHARE = {
    "epsilon": Parameter(1e-3, 10.0, 0.1, "share", 4, "C", log=True),
    "gamma": Parameter(0.01, 20.0, 0.5, "share", 3, "C", log=True),
}


def share_term(share: Array) -> Term:
    """The term ((r + epsilon) / (1/2 + epsilon))^-gamma of shares r, float64[n]; the division keeps C at the size of a loss."""

    def column(values: Values) -> tuple[Array, dict[str, Array]]:
        epsilon, gamma = values["epsilon"], values["gamma"]
        log = np.log((share + epsilon) / (0.5 + epsilon))
        value = np.exp(-gamma * log)
        by_epsilon = -gamma * (1 / (share + epsilon) - 1 / (0.5 + epsilon)) * value
        return value, {"gamma": -log * value, "epsilon": by_epsilon}

    return Term("C", column)


def d_cpt_terms(points: Points, source: str | None, scales: Mapping[str, float], **gate: Array) -> tuple[Term, ...]:
    """The terms of size, tokens and share; `gate` multiplies the term of tokens by further powers."""
    share = variable_of(points, "share", source)
    log_share = np.log(np.maximum(share, SMALLEST_SHARE))
    tokens = powers("B", eta=log_share, beta=-log_of(points, "tokens", scales), **gate)
    return powers("A", alpha=-log_of(points, "parameters", scales)), tokens, share_term(share)


def sign_violations(fitted: FittedTerms, evidence: Evidence) -> list[str]:
    """A sentence if the loss rises with the share of the domain's own source, at the fewest or the most tokens of the evidence.

    The paper requires that loss falls with size, tokens and share. Nonnegative coefficients give the first two; a positive eta works against the
    third.
    """
    if fitted.values.get("B", 0.0) == 0:
        return []
    share = np.linspace(0, 1, 101)
    points, rising = evidence.points, np.zeros(100, bool)
    shares = np.zeros((len(share), points.shares.shape[1]))
    shares[:, evidence.source] = share
    for tokens in (points.tokens.min(), points.tokens.max()):
        known = {"parameters": _middle(points.parameters), "pretraining_tokens": _middle(points.pretraining_tokens)}
        rising |= np.diff(fitted.predict(Points.of_shares(points.sources, shares, tokens=float(tokens), **known))) > 1e-9
    if not rising.any():
        return []
    low, high = share[np.flatnonzero(rising)[0]], share[np.flatnonzero(rising)[-1] + 1]
    return [f"the loss rises with the share of the domain's own source between {low:g} and {high:g}, which the law's conditions rule out"]


def _middle(values: Array) -> float:
    """Geometric mean; NaN where a value is unknown or not above 0."""
    return float(np.exp(np.log(np.where(values > 0, values, np.nan)).mean()))


class DCPT(TermLaw):
    """D-CPT: L = E + A/N^alpha + B r^eta/D^beta + C/(r + epsilon)^gamma, with r the share of the source that the domain's text comes from.

    N is the number of parameters and D that of tokens of continued pre-training, each divided by its geometric mean in the evidence. Coefficients
    are at least 0. Where N or D is the same in all rows, its term is left out.
    """

    name = "d_cpt"
    reference = "D-CPT law, arXiv 2406.01375: L = E + A/N^alpha + B r^eta/D^beta + C/(r + epsilon)^gamma"
    parameters = {**SIZE, **TOKENS, **SHARE}
    coefficients = {"A": "parameters", "B": "tokens", "C": "share"}

    def terms(self, points: Points, source: str | None, scales: Mapping[str, float]) -> tuple[Term, ...]:
        """The terms of size, tokens and share."""
        return d_cpt_terms(points, source, scales)

    def signs(self, fitted: FittedTerms, evidence: Evidence) -> list[str]:
        """Where the loss rises with the share, and that steps should not be extrapolated."""
        return sign_violations(fitted, evidence) + ([STEPS_NOTE] if "B" in fitted.values else [])
