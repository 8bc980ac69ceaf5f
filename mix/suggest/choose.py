"""The best allowed shares: lowest expected target loss, plus divergence from a prior, among those that keep each budget with the wanted probability."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.suggest.beliefs import Beliefs
from mix.suggest.hull import Allowed
from mix.suggest.look import Look
from mix.suggest.request import CONFIRMATION_RUNS, Request
from mix.suggest.suggestion import BudgetNotMet

Array = NDArray[np.float64]

N_CANDIDATES = 800
_STEPS = (0.5, 0.25, 0.1, 0.04, 0.015, 0.005, 0.002)
_ROUNDS = 4
_N_DIRECTIONS = 60


@dataclass(frozen=True)
class Scored:
    """Objective float64[m] at m shares, and by how much the budgets' probability is short, float64[m]: 0 where all are kept."""

    objective: Array
    short: Array


def target_mean(request: Request, looks: dict[str, Look]) -> Array:
    """float64[m]: the weighted expected loss; weights are scaled to sum 1."""
    total = sum(request.target.values())
    return np.asarray(sum(weight / total * looks[name].mean for name, weight in request.target.items()))


def divergence(shares: Array, prior: Array | None) -> Array:
    """float64[m]: Kullback–Leibler divergence of shares float64[m, k] from the prior, in nats; infinite where the prior is 0 and the share is not."""
    if prior is None:
        return np.zeros(len(shares))
    positive = shares > 1e-12
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(positive, shares, 1.0)) - np.log(prior)
    return np.asarray(np.where(positive, shares * np.where(positive, logs, 0.0), 0.0).sum(axis=1))


def limit_of(request: Request, beliefs: Beliefs, domain: str) -> float:
    """The highest loss that a budget allows. Raises MixError if the base model's loss is unknown."""
    base = beliefs.domains[domain].evidence.base
    if base is None or not np.isfinite(base):
        raise MixError(f"{domain}: a budget is relative to the base model's loss, which the runs lack; evaluate the base model as well")
    return base * (1 + request.budget[domain])


def kept(request: Request, beliefs: Beliefs, looks: dict[str, Look]) -> dict[str, Array]:
    """For each budget float64[m]: probability that the mean of the runs that confirm a suggestion keeps it."""
    return {name: looks[name].below(limit_of(request, beliefs, name), n_runs=CONFIRMATION_RUNS) for name in request.budget}


def choose(request: Request, beliefs: Beliefs, allowed: Allowed, strength: float) -> Array:
    """float64[k]: the best shares. Raises BudgetNotMet if no candidate keeps the budgets."""

    def score(shares: Array) -> Scored:
        looks = beliefs.look(shares)
        objective = target_mean(request, looks) + (strength * divergence(shares, request.prior) if strength else 0.0)
        chances = kept(request, beliefs, looks)
        short = np.max([np.maximum(request.confidence - chance, 0) for chance in chances.values()], axis=0) if chances else np.zeros(len(shares))
        return Scored(objective, short)

    start = allowed.candidates(N_CANDIDATES, request.seed)
    scored = score(start)
    if not np.isfinite(scored.objective).any():
        raise MixError("the prior gives no share to sources that every allowed ratio needs")
    best = _search(score, start, start[_best(scored)])
    if score(best[None]).short[0] > 0:
        raise _not_met(request, beliefs, start)
    return best


def _best(scored: Scored) -> int:
    """Index of the lowest objective among those that are least short."""
    return int(np.lexsort((scored.objective, scored.short))[0])


def _search(score: Callable[[Array], Scored], candidates: Array, best: Array) -> Array:
    """Improve shares by ever shorter steps toward candidates, float64[m, k]; the allowed set is convex, so no step leaves it."""
    directions = candidates[:: max(1, len(candidates) // _N_DIRECTIONS)]
    for step in _STEPS:
        for _ in range(_ROUNDS):
            around = np.concatenate([best[None], best + step * (directions - best)])
            winner = _best(score(around))
            if winner == 0:
                break
            best = around[winner]
    return best


def _not_met(request: Request, beliefs: Beliefs, start: Array) -> BudgetNotMet:
    """The refusal, with the smallest increase that confirming runs keep with the wanted probability, for each budget by itself."""
    smallest: dict[str, tuple[float, Array]] = {}
    for name in request.budget:
        base = float(beliefs.domains[name].evidence.base or np.nan)

        def score(shares: Array, name: str = name) -> Scored:
            highest = beliefs.domains[name].look(shares).quantile(request.confidence, n_runs=CONFIRMATION_RUNS)
            return Scored(highest, np.zeros(len(shares)))

        shares = _search(score, start, start[_best(score(start))])
        smallest[name] = (float(score(shares[None]).objective[0]) / base - 1, shares)
    return BudgetNotMet(_why_not(request, smallest), smallest)


def _why_not(request: Request, smallest: dict[str, tuple[float, Array]]) -> str:
    broken = {name: value for name, value in smallest.items() if value[0] > request.budget[name]}
    if not broken:
        names = " and ".join(request.budget)
        return f"no allowed ratio keeps the budgets of {names} at once, though each can be kept by itself; raise one of them"
    parts = [
        f"{name} may rise by {request.budget[name]:.1%}, and the smallest increase that can be promised with {request.confidence:.0%} is {increase:.1%}, at "
        + ", ".join(f"{source} {share:.3f}" for source, share in zip(request.sources, shares, strict=True))
        for name, (increase, shares) in broken.items()
    ]
    return "no allowed ratio keeps the budget: " + "; ".join(parts)
