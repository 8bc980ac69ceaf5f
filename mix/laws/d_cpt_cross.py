"""Cross-domain D-CPT law: one fit for several domains, which differ in how learnable they are (arXiv 2406.01375)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.d_cpt import SHARE, SIZE, STEPS_NOTE, TOKENS, d_cpt_terms, sign_violations
from mix.laws.law import Array, Evidence, FittedLaw, Points
from mix.laws.terms import FittedTerms, Parameter, Term, TermLaw, Values, Variable, source_of, trained, variable_of

OTHERS_NOTE = "intervals leave out that the other domains' losses are noisy too"


@dataclass(frozen=True)
class Learnability:
    """k1, the domain's loss before continued pre-training, and k2, by how much it falls per billion tokens in the beginning."""

    initial: float
    decline: float

    @classmethod
    def of(cls, evidence: Evidence) -> "Learnability":
        """From a domain's evidence: k2 is read off the first evaluation of the runs with the largest share of the domain's own source.

        The paper does not say at which share and step k2 is measured; this choice is ours. NaN where the base's loss is unknown.
        """
        first = _first_evaluation(evidence)
        base = np.nan if evidence.base is None else evidence.base
        return cls(base, float((base - evidence.losses[first].mean()) / evidence.points.tokens[first].mean() * 1e9))

    @classmethod
    def tokens(cls, evidence: Evidence) -> float:
        """Number of tokens after which `of` reads the decline."""
        return float(evidence.points.tokens[_first_evaluation(evidence)].min())


def _first_evaluation(evidence: Evidence) -> NDArray[np.bool_]:
    """bool[n]: rows with the fewest tokens among those with the largest share of the domain's own source."""
    share = variable_of(evidence.points, "share", source_of(evidence))
    tokens = np.where(share > share.max() - 1e-6, evidence.points.tokens, np.inf)
    return np.asarray(tokens < tokens.min() * 1.001)


@dataclass(frozen=True)
class _Learnable(TermLaw):
    """D-CPT + F/K^mu with K = 1/k1 + w·k2, each divided by its geometric mean over the domains; k1 and k2 are float64[n] or float64[1]."""

    initial: Array
    decline: Array

    name = "d_cpt_cross"
    reference = (
        "cross-domain D-CPT law, arXiv 2406.01375: L = E + A/N^alpha + B r^eta/D^beta + C/(r + epsilon)^gamma + F/K^mu with K = w1/k1 + w2 k2 of the domain"
    )
    coefficients = {"A": "parameters", "B": "tokens", "C": "share", "F": "learnability"}
    parameters = {
        **SIZE,
        **TOKENS,
        **SHARE,
        "mu": Parameter(0.01, 10.0, 1.0, "learnability", 2, "F", log=True),
        "weight": Parameter(0.01, 100.0, 1.0, "learnability", 2, "F", log=True),
    }

    def variable(self, points: Points, variable: Variable, source: str | None) -> Array:
        """As for every sum of terms; a domain's number is its initial loss."""
        return self.initial if variable == "learnability" else super().variable(points, variable, source)

    def settings(self) -> dict[str, Any]:
        """k1 and k2 of one domain, relative to the geometric means over the domains of the fit."""
        return {"initial": float(self.initial[0]), "decline": float(self.decline[0])}

    def terms(self, points: Points, source: str | None, scales: Mapping[str, float]) -> tuple[Term, ...]:
        """The terms of size, tokens, share and learnability."""

        def column(values: Values) -> tuple[Array, dict[str, Array]]:
            weight, mu = values["weight"], values["mu"]
            learnable = 1 / self.initial + weight * self.decline
            value = learnable**-mu * np.ones(len(points))
            return value, {"mu": -np.log(learnable) * value, "weight": -mu * self.decline / learnable * value}

        return *d_cpt_terms(points, source, scales), Term("F", column)

    def signs(self, fitted: FittedTerms, evidence: Evidence) -> list[str]:
        """Where the loss rises with the share, and that steps should not be extrapolated."""
        one = replace(fitted, law=_Learnable(self.initial[:1], self.decline[:1]))
        return sign_violations(one, evidence) + ([STEPS_NOTE] if "B" in fitted.values else [])


class DCPTCross:
    """L = E + A/N^alpha + B r^eta/D^beta + C/(r + epsilon)^gamma + F/K^mu over several domains, with K = w1/k1 + w2·k2 of each (the paper's K3).

    k1 is a domain's loss before training, k2 its first rate of decline. Every domain but for K follows the same curve, so a domain with a few runs, or
    with k1 and k2 alone (`for_domain`), is predicted from the others. They are the evidence's `others`, as far as their base and source are known.
    """

    name = _Learnable.name
    reference = _Learnable.reference
    along_runs = True

    def problem(self, evidence: Evidence) -> str | None:
        """Why this law cannot be fitted to this evidence; None if it can."""
        evidence = _all_trained(evidence)
        if lack := _lack(evidence):
            return f"{self.name} needs {lack}"
        others = _usable(evidence)
        if not others:
            lacks = dict.fromkeys(lack for other in evidence.others if (lack := _lack(other)))
            return f"{self.name} needs another domain to share parameters with; {'; '.join(f'others lack {lack}' for lack in lacks) or 'there is none'}"
        after = [Learnability.tokens(of) for of in (evidence, *others)]
        if max(after) > 1.01 * min(after):
            read = " to ".join(f"{tokens:.3g}" for tokens in (min(after), max(after)))
            return f"{self.name} compares how fast losses fall at first, so first evaluations must come after equally many tokens; they come after {read}"
        return _stacked_law(evidence).problem(_stacked(evidence))

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedTerms:
        """The fitted law of the domain, from many starts drawn with `seed`, or from the one start `start`.

        `n_free` is the domain's part of the shared parameters, in proportion to its rows. Raises MixError where `problem` names one.
        """
        if problem := self.problem(evidence):
            raise MixError(problem)
        evidence = _all_trained(evidence)
        fitted = _stacked_law(evidence).fit(_stacked(evidence), seed=seed, start=start)
        part = len(evidence) / (len(evidence) + sum(len(other) for other in _usable(evidence)))
        law = _Learnable(*_relative(Learnability.of(evidence), evidence, 1))
        warnings = tuple(dict.fromkeys((*fitted.warnings, OTHERS_NOTE)))
        return replace(fitted, source=source_of(evidence), law=law, n_free=math.ceil(fitted.n_free * part), warnings=warnings)

    def for_domain(self, fitted: FittedTerms, evidence: Evidence, learnability: Learnability, source: str) -> FittedTerms:
        """The law of a further domain, whose text is of `source`, from `fit(evidence)` and the domain's learnability alone."""
        return replace(fitted, source=source, law=_Learnable(*_relative(learnability, _all_trained(evidence), 1)))

    def read(self, record: dict[str, Any]) -> FittedTerms:
        """The fitted law of one domain from its `record`. Raises MixError for one that this law did not write."""
        try:
            law = _Learnable(np.array([float(record["initial"])]), np.array([float(record["decline"])]))
        except (KeyError, TypeError, ValueError) as error:
            raise MixError(f"not a fit of {self.name}: {error!r}") from error
        return law.read(record)


def _all_trained(evidence: Evidence) -> Evidence:
    """The evidence without rows at 0 tokens, in the other domains as well."""
    alone, _ = trained(replace(evidence, others=()))
    return replace(alone, others=tuple(trained(other)[0] for other in evidence.others))


def _lack(evidence: Evidence) -> str | None:
    """What a domain's evidence lacks for its learnability to be known; None if nothing."""
    if evidence.source is None:
        return "the source of the domain's text"
    if evidence.base is None:
        return "the loss of the base model"
    if not len(evidence) or not (evidence.points.tokens > 0).all() or not np.isfinite(evidence.losses).all():
        return "tokens and a loss in every row"
    return None if Learnability.of(evidence).decline > 0 else "a loss that falls by its first evaluation"


def _usable(evidence: Evidence) -> list[Evidence]:
    """The other domains whose learnability is known."""
    return [other for other in evidence.others if _lack(other) is None]


def _relative(learnability: Learnability, evidence: Evidence, rows: int) -> tuple[Array, Array]:
    """k1 and k2, float64[rows] each, over their geometric means in the evidence."""
    known = [Learnability.of(of) for of in (evidence, *_usable(evidence))]
    initial = learnability.initial / np.exp(np.mean(np.log([k.initial for k in known])))
    decline = learnability.decline / np.exp(np.mean(np.log([k.decline for k in known])))
    return np.full(rows, initial), np.full(rows, decline)


def _stacked_law(evidence: Evidence) -> _Learnable:
    """The law whose k1 and k2 are those of each row's domain."""
    parts = [_relative(Learnability.of(of), evidence, len(of)) for of in (evidence, *_usable(evidence))]
    return _Learnable(np.concatenate([initial for initial, _ in parts]), np.concatenate([decline for _, decline in parts]))


def _stacked(evidence: Evidence) -> Evidence:
    """The rows of the domain and then of all others below each other, with two sources: the domain's own and all others."""
    domains = (evidence, *_usable(evidence))
    own = np.concatenate([variable_of(of.points, "share", source_of(of)) for of in domains])
    numbers = {name: np.concatenate([getattr(of.points, name) for of in domains]) for name in ("tokens", "parameters", "pretraining_tokens", "areas")}
    points = Points(("own", "rest"), np.column_stack([own, 1 - own]), **numbers)
    losses, run = (np.concatenate([getattr(of, name) for of in domains]) for name in ("losses", "run"))
    return Evidence(points, losses, run, source=0)
