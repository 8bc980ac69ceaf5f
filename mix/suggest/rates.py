"""Learning rate, tokens and shares chosen together: candidates compared by the laws of learning rates (arXiv 2505.07796)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.areas import of_schedule
from mix.laws.bootstrap import resample
from mix.laws.catalog import law_named
from mix.laws.law import Evidence, FittedLaw, Law, Points
from mix.laws.rate_schedule import RateSchedule
from mix.suggest.hull import outside_of
from mix.suggest.request import CONFIRMATION_RUNS
from mix.suggest.suggestion import BudgetNotMet, Prediction

Array = NDArray[np.float64]

LAWS = ("learning_rate_replay", "learning_rate")
"""Laws to try, in this order; the second knows no shares."""

_N_DRAWS = 4000
_ROUNDING = 1e-3
"""Relative amount by which an area or a rate may be outside the evidence: schedules of another number of steps round differently."""


@dataclass(frozen=True)
class RatesRequest:
    """Candidates for the learning rate, the tokens and the shares of one run, and what the run is for.

    Every peak of `peaks`, number of `tokens` and row of `shares`, float64[m, k], are combined. `tokens_per_step` is the batch size of all runs, those of
    the evidence included: areas of other batch sizes cannot be compared. `target` has the weight of each domain's loss, `budget` the largest relative
    increase of a domain's loss over the base model's. `extrapolate` allows candidates outside the evidence. `n_refits` is the number of bootstrap fits
    that intervals are taken from.
    """

    sources: tuple[str, ...]
    peaks: tuple[float, ...]
    tokens: tuple[float, ...]
    shares: Array
    tokens_per_step: float
    target: dict[str, float]
    budget: dict[str, float] = field(default_factory=dict)
    schedule: RateSchedule = field(default_factory=RateSchedule)
    extrapolate: bool = False
    confidence: float = 0.95
    n_refits: int = 100
    seed: int = 0

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains whose losses matter: those of the target, then others of the budget."""
        return tuple(dict.fromkeys((*self.target, *self.budget)))


@dataclass(frozen=True)
class Candidate:
    """One combination with what is predicted at its end. `outside` says where it leaves the evidence, "" if nowhere; `kept` is the probability with which
    the mean of confirming runs keeps each budget."""

    peak: float
    tokens: float
    shares: Array
    domains: dict[str, Prediction]
    target: Prediction
    kept: dict[str, float]
    outside: str


@dataclass(frozen=True)
class RatesSuggestion:
    """The best candidate, and all that were compared, best first; those that break a budget come last. `target.value` of the best is corrected by
    `flattery`, the estimated amount by which the best of several predictions is too low. `laws` has the fitted law of each domain."""

    best: Candidate
    candidates: tuple[Candidate, ...]
    flattery: float
    laws: dict[str, FittedLaw]


@dataclass(frozen=True)
class _Belief:
    """Predictions of one domain's loss at c candidates: of the fit, float64[c], of refits to resampled losses, float64[b, c], and errors of one run's loss
    against its mean over seeds, float64[draws]."""

    value: Array
    refits: Array
    errors: Array
    base: float | None

    def interval(self, i: int, confidence: float, random: np.random.Generator, *, one_run: bool) -> tuple[float, float]:
        draws = self.refits[:, i] if not one_run else random.choice(self.refits[:, i], len(self.errors)) + self.errors
        low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)


def suggest_rates(request: RatesRequest, evidence: dict[str, Evidence]) -> RatesSuggestion:
    """The combination with the lowest expected target that keeps every budget with the probability `confidence`.

    `evidence` has all steps of each run. Raises MixError for evidence that neither law of learning rates can be fitted to and for candidates that are
    all outside the evidence, and BudgetNotMet if no candidate keeps the budgets.
    """
    _check(request, evidence)
    laws = _laws(request, evidence)
    combined = [(peak, tokens, shares) for peak in request.peaks for tokens in request.tokens for shares in request.shares]
    areas = np.array([_areas(request, peak, tokens) for peak, tokens, _ in combined])
    outside = [_outside(request, evidence, *one, areas[i]) for i, one in enumerate(combined)]
    if not request.extrapolate:
        inside = [i for i, text in enumerate(outside) if not text]
        if not inside:
            nearest = min(outside, key=lambda text: text.count(";"))
            raise MixError(f"all {len(combined)} candidates are outside the evidence, for example: {nearest}; add runs there, or allow extrapolation")
        combined, areas, outside = [combined[i] for i in inside], areas[inside], [outside[i] for i in inside]
    fitted, beliefs = {}, {}
    for name in request.domains:
        fitted[name], beliefs[name] = _believe(request, laws[name], evidence[name], combined, areas)
    target, refits = (_weighted(request, {name: getattr(belief, part) for name, belief in beliefs.items()}) for part in ("value", "refits"))
    kept = _kept(request, beliefs)
    feasible = np.all([chance >= request.confidence for chance in kept.values()], axis=0) if kept else np.ones(len(combined), bool)
    if not feasible.any():
        raise _not_met(request, beliefs, combined)
    chosen = int(np.flatnonzero(feasible)[np.argmin(target[feasible])])
    flattery = _flattery(target[feasible], refits[:, feasible])
    candidates = [_candidate(request, beliefs, kept, combined[i], i, flattery if i == chosen else 0.0, outside[i]) for i in range(len(combined))]
    order = np.lexsort((target, ~feasible)).tolist()
    return RatesSuggestion(candidates[chosen], tuple(candidates[i] for i in order), flattery, fitted)


def _check(request: RatesRequest, evidence: dict[str, Evidence]) -> None:
    unknown = [name for name in request.domains if name not in evidence]
    if unknown:
        raise MixError(f"no losses of {', '.join(unknown)} in the evidence; it has {', '.join(evidence)}")
    if not request.target or min(request.target.values()) < 0 or sum(request.target.values()) <= 0:
        raise MixError(f"target {request.target}: weights must be at least 0 and one of them above 0")
    if not (request.peaks and request.tokens and len(request.shares)):
        raise MixError("give at least one peak learning rate, one number of tokens and one mixture to compare")
    if not (request.tokens_per_step > 0 and min(request.tokens) >= request.tokens_per_step):
        raise MixError(f"a run needs at least the {request.tokens_per_step:g} tokens of one step; the fewest asked for are {min(request.tokens):g}")
    for name in request.domains:
        if evidence[name].points.sources != request.sources:
            raise MixError(f"the request is about {', '.join(request.sources)}, the evidence on {name} about {', '.join(evidence[name].points.sources)}")
        if name in request.budget and evidence[name].base is None:
            raise MixError(f"budget of {name}: the base model's loss is unknown; add a row of kind base to the table of runs")
    sums = request.shares.sum(axis=1)
    if (np.abs(sums - 1) > 1e-6).any() or (request.shares < 0).any():
        raise MixError(f"the shares of each candidate must be at least 0 and sum to 1; one sums to {sums[np.argmax(np.abs(sums - 1))]:.4g}")


def _laws(request: RatesRequest, evidence: dict[str, Evidence]) -> dict[str, Law]:
    """The first law of each domain that its evidence allows."""
    found = {}
    for domain in request.domains:
        problems = {name: law_named(name).problem(evidence[domain]) for name in LAWS}
        usable = [name for name, problem in problems.items() if problem is None]
        if not usable:
            told = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
            raise MixError(f"learning rates cannot be compared for {domain}. {told}")
        found[domain] = law_named(usable[0])
    return found


def _areas(request: RatesRequest, peak: float, tokens: float) -> tuple[float, float]:
    forward, annealing = of_schedule(request.schedule, peak, max(round(tokens / request.tokens_per_step), 1))
    return float(forward[-1]), float(annealing[-1])


def _outside(request: RatesRequest, evidence: dict[str, Evidence], peak: float, tokens: float, shares: Array, areas: Array) -> str:
    """Where a candidate leaves the evidence of a domain; "" if nowhere."""
    told: dict[str, None] = {}
    for name in request.domains:
        points = evidence[name].points
        continued = points.take(points.areas[:, 2] > 0)
        distance, _ = outside_of(np.unique(continued.shares.round(9), axis=0), shares)
        if distance > _ROUNDING:
            text = ", ".join(f"{source} {share:.3g}" for source, share in zip(request.sources, shares, strict=True))
            told[f"the shares {text} are {distance:.2g} away from those of the runs"] = None
        measured = {
            f"peak {peak:g}": (peak, peaks_of(evidence[name], request.tokens_per_step)),
            f"the forward area of {tokens:g} tokens at peak {peak:g}": (areas[0], continued.areas[:, 2]),
            f"the annealing area of {tokens:g} tokens at peak {peak:g}": (areas[1], continued.areas[:, 3]),
        }
        for what, (value, known) in measured.items():
            low, high = known.min(), known.max()
            if value > high * (1 + _ROUNDING) + 1e-15:
                told[f"{what} is {value:.3g}, and the runs have at most {high:.3g}"] = None
            elif value < low * (1 - _ROUNDING) - 1e-15:
                told[f"{what} is {value:.3g}, and the runs have at least {low:.3g}"] = None
    return "; ".join(told)


def peaks_of(evidence: Evidence, tokens_per_step: float) -> Array:
    """float64[runs]: the peak learning rate of each run with tokens, from its fastest growth of the forward area.

    Raises MixError if no run has tokens, because a peak outside the evidence could then not be noticed.
    """
    points, peaks = evidence.points, []
    for run in np.unique(evidence.run):
        rows = np.flatnonzero((evidence.run == run) & np.isfinite(points.tokens) & (points.areas[:, 2] > 0))
        tokens, order = np.unique(points.tokens[rows], return_index=True)
        forward = points.areas[rows[order], 2]
        if len(tokens) and tokens[0] > 0:
            peaks.append(float((np.diff(forward, prepend=0) / np.diff(tokens, prepend=0)).max()) * tokens_per_step)
    if not peaks:
        raise MixError("the rows of continued pre-training have no tokens, so the learning rates that were tried are unknown; add the column tokens")
    return np.array(peaks)


def _believe(request: RatesRequest, law: Law, evidence: Evidence, combined: list[tuple[float, float, Array]], areas: Array) -> tuple[FittedLaw, _Belief]:
    """The fitted law, and its predictions at the end of each candidate."""
    fitted = law.fit(evidence, seed=request.seed)
    n = len(combined)
    same = evidence.points.take(np.full(n, int(np.argmax(evidence.points.areas[:, 2]))))
    states = np.unique(evidence.points.areas[evidence.points.areas[:, 2] > 0, :2], axis=0, equal_nan=True)
    if len(states) > 1:
        raise MixError(f"the runs continue {len(states)} different models; keep those that continue the one to be trained")
    points = Points(
        request.sources,
        np.stack([shares for _, _, shares in combined]),
        np.array([tokens for _, tokens, _ in combined]),
        same.parameters,
        same.pretraining_tokens,
        np.concatenate([same.areas[:, :2], areas], axis=1),
    )
    refits = np.stack([refit.predict(points) for refit in resample(law, fitted, evidence, request.n_refits, request.seed)])
    noise, freedom = _run_noise(evidence, fitted)
    random = np.random.default_rng(request.seed)
    errors = noise * (random.standard_t(freedom, _N_DRAWS) if freedom else random.standard_normal(_N_DRAWS))
    return fitted, _Belief(fitted.predict(points), refits, errors, evidence.base)


def _run_noise(evidence: Evidence, fitted: FittedLaw) -> tuple[float, int]:
    """Standard deviation of one run's loss and its degrees of freedom: from repeated runs, or else from the mean residual of each run."""
    if evidence.noise is not None:
        return evidence.noise, evidence.noise_freedom
    _, of_run = np.unique(evidence.run, return_inverse=True)
    means = np.bincount(of_run, evidence.losses - fitted.predict(evidence.points)) / np.bincount(of_run)
    freedom = max(len(means) - 1, 1)
    return float(np.sqrt((means**2).sum() / freedom)), freedom


def _weighted(request: RatesRequest, values: dict[str, Array]) -> Array:
    total = sum(request.target.values())
    return np.asarray(sum(weight / total * values[name] for name, weight in request.target.items()))


def _kept(request: RatesRequest, beliefs: dict[str, _Belief]) -> dict[str, Array]:
    """float64[c]: for each domain with a budget, the probability that the mean of confirming runs keeps it."""
    chances = {}
    for name, increase in request.budget.items():
        belief = beliefs[name]
        limit = (belief.base or 0.0) * (1 + increase)
        chances[name] = (_confirmations(request, belief) <= limit).mean(axis=0)
    return chances


def _confirmations(request: RatesRequest, belief: _Belief) -> Array:
    """float64[n, c]: draws of the mean of the runs that would confirm each candidate."""
    random = np.random.default_rng(request.seed + 1)
    rows = random.integers(0, len(belief.refits), len(belief.errors))
    return np.asarray(belief.refits[rows] + belief.errors[:, None] / CONFIRMATION_RUNS**0.5)


def _not_met(request: RatesRequest, beliefs: dict[str, _Belief], combined: list[tuple[float, float, Array]]) -> BudgetNotMet:
    """The smallest increase that can be promised for each budget alone, and the candidate where that is."""
    smallest, told = {}, []
    for name in request.budget:
        belief = beliefs[name]
        promised = np.quantile(_confirmations(request, belief), request.confidence, axis=0) / (belief.base or 1.0) - 1
        best = int(np.argmin(promised))
        peak, tokens, shares = combined[best]
        smallest[name] = (float(promised[best]), shares)
        at = ", ".join(f"{source} {share:.3g}" for source, share in zip(request.sources, shares, strict=True))
        told.append(f"{name}: {promised[best]:.1%} at peak {peak:g}, {tokens:g} tokens, {at}, where {request.budget[name]:.1%} is allowed")
    return BudgetNotMet(f"no candidate keeps the budgets; the smallest increase that can be promised is {'; '.join(told)}", smallest)


def _flattery(target: Array, refits: Array) -> float:
    """By how much the lowest of float64[c] predicted targets is too low: what refits, float64[b, c], lose when the fit is taken for the truth."""
    chosen = np.argmin(refits, axis=1)
    return max(float((target[chosen] - refits[np.arange(len(refits)), chosen]).mean()), 0.0)


def _candidate(
    request: RatesRequest,
    beliefs: dict[str, _Belief],
    kept: dict[str, Array],
    combined: tuple[float, float, Array],
    i: int,
    flattery: float,
    outside: str,
) -> Candidate:
    """A candidate with its predictions; intervals of the target add up the domains' errors as if they were independent."""
    random = np.random.default_rng((request.seed, i))
    domains = {}
    for name, belief in beliefs.items():
        mean_over_seeds, of_one_run = (belief.interval(i, request.confidence, random, one_run=one_run) for one_run in (False, True))
        domains[name] = Prediction(float(belief.value[i]), *of_one_run, *mean_over_seeds, float(belief.value[i]), belief.base)
    tails = [(1 - request.confidence) / 2, (1 + request.confidence) / 2]
    means = _weighted(request, {name: random.choice(belief.refits[:, i], _N_DRAWS) for name, belief in beliefs.items()})
    errors = _weighted(request, {name: random.permutation(belief.errors) for name, belief in beliefs.items()})
    value = float(_weighted(request, {name: belief.value[i : i + 1] for name, belief in beliefs.items()})[0])
    one, mean = (np.quantile(draws, tails) + flattery for draws in (means + errors, means))
    target = Prediction(value + flattery, float(one[0]), float(one[1]), float(mean[0]), float(mean[1]), value)
    return Candidate(*combined, domains, target, {name: float(chance[i]) for name, chance in kept.items()}, outside)
