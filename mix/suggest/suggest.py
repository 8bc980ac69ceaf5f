"""From evidence to a suggestion: believe, choose, and say how sure that is."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence
from mix.suggest.beliefs import Beliefs, believe
from mix.suggest.binding import binding_of
from mix.suggest.choose import choose, kept, target_mean
from mix.suggest.flattery import flattery_of
from mix.suggest.hull import allowed_shares, outside_of
from mix.suggest.look import Look
from mix.suggest.next_runs import next_runs
from mix.suggest.prior import strength_of
from mix.suggest.region import region_of
from mix.suggest.request import Request
from mix.suggest.suggestion import Prediction, Suggestion

Array = NDArray[np.float64]

_N_DRAWS = 20_000
_N_CANDIDATES = 400


def suggest(request: Request, evidence: dict[str, Evidence]) -> Suggestion:
    """The best shares for the request, given each domain's losses.

    Raises MixError for evidence or requests that allow no suggestion, and BudgetNotMet if no allowed ratio keeps the budgets.
    """
    return best_of(request, believe(request, evidence))


def best_of(request: Request, beliefs: Beliefs) -> Suggestion:
    """The best shares for the request, given what is believed of each domain's loss. Raises as `suggest`."""
    allowed = allowed_shares(request, beliefs.ratios)
    strength = strength_of(request, beliefs)
    return describe(request, beliefs, choose(request, beliefs, allowed, strength), strength)


def describe(request: Request, beliefs: Beliefs, shares: Array, strength: float) -> Suggestion:
    """What is believed of given shares, float64[k], as a suggestion: for shares just chosen, or chosen before and now confirmed."""
    allowed = allowed_shares(request, beliefs.ratios)
    around = allowed.candidates(_N_CANDIDATES, request.seed)
    looks = beliefs.look(shares[None])
    flattery = flattery_of(request, beliefs, np.concatenate([shares[None], around]), strength)
    of_target = sum(weight * flattery[name] for name, weight in request.target.items()) / sum(request.target.values())
    domains = {name: _prediction(look, request, flattery[name], beliefs.domains[name].evidence.base) for name, look in looks.items()}
    outside, _ = outside_of(beliefs.ratios, shares)
    chances = {name: float(chance[0]) for name, chance in kept(request, beliefs, looks).items()}
    return Suggestion(
        shares=shares,
        domains=domains,
        target=replace(domains[next(iter(request.target))], base=None) if len(request.target) == 1 else _target(request, looks, of_target),
        flattery=of_target,
        region=region_of(request, beliefs, shares, around, strength),
        binding=binding_of(request, beliefs, shares, strength),
        outside=outside,
        budget_kept=chances,
        forms={name: belief.forms for name, belief in beliefs.domains.items()},
        discrepancy={name: belief.discrepancy for name, belief in beliefs.domains.items()},
        noise={name: belief.noise for name, belief in beliefs.domains.items()},
        noise_from_repeats=beliefs.repeated,
        prior_strength=strength,
        next_runs=next_runs(request, beliefs, shares, around),
    )


def _prediction(look: Look, request: Request, flattery: float, base: float | None) -> Prediction:
    tail = (1 - request.confidence) / 2
    low, high, mean_low, mean_high = (float(look.quantile(p, one_run=one_run)[0]) + flattery for one_run in (True, False) for p in (tail, 1 - tail))
    value = float(look.mean[0])
    return Prediction(value + flattery, low, high, mean_low, mean_high, value, base)


def _target(request: Request, looks: dict[str, Look], flattery: float) -> Prediction:
    """The weighted loss of several domains: intervals from draws of all, whose errors are taken as independent, moved by the flattery."""
    random = np.random.default_rng(request.seed)
    total = sum(request.target.values())
    tails = [(1 - request.confidence) / 2, (1 + request.confidence) / 2]
    uncorrected = float(target_mean(request, looks)[0])

    def interval(one_run: bool) -> tuple[float, float]:
        draws = sum(weight / total * looks[name].draws(random, _N_DRAWS, one_run=one_run)[:, 0] for name, weight in request.target.items())
        low, high = np.quantile(draws, tails)
        return float(low) + flattery, float(high) + flattery

    return Prediction(uncorrected + flattery, *interval(True), *interval(False), uncorrected)
