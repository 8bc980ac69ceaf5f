"""True laws, designs and noise for `benchmarks.suggest`: what the losses of runs are when the answer is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence, Points
from mix.suggest.request import Request

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]

FORM_IS_RIGHT = {"exp2": True, "exp3": True, "exp5": True, "avg2": False, "avg3": False, "avg5": False, "dcpt2": False, "log2": False, "power2": False}
"""Truths, and whether a single exponential of the shares is their form. The digit is the number of sources."""

_EXTRA_SEEDS = {12: 3, 20: 4, 40: 6}
_INCREASE = 0.05


@dataclass(frozen=True)
class Case:
    """One problem whose answer is known: by domain the true mean loss and the standard deviation of a run, at shares float64[m, k]."""

    shares: Array
    losses: dict[str, Curve]
    noises: dict[str, Curve]
    bases: dict[str, float | None]
    request: Request

    def target(self, shares: Array) -> Array:
        """float64[m]: the true weighted loss."""
        total = sum(self.request.target.values())
        return np.asarray(sum(weight / total * self.losses[name](shares) for name, weight in self.request.target.items()))

    def keeps(self, losses: dict[str, Array]) -> NDArray[np.bool_]:
        """bool[m]: whether these losses keep every budget."""
        return np.all([losses[name] <= (self.bases[name] or 0.0) * (1 + most) for name, most in self.request.budget.items()], axis=0)

    def truly_keeps(self, shares: Array) -> NDArray[np.bool_]:
        """bool[m]: whether the true mean losses keep every budget."""
        return self.keeps({name: self.losses[name](shares) for name in self.request.budget})

    def run(self, random: np.random.Generator, shares: Array) -> dict[str, Array]:
        """By domain float64[m]: losses of one run at each of these shares."""
        return {name: curve(shares) + self.noises[name](shares) * random.standard_normal(len(shares)) for name, curve in self.losses.items()}

    def evidence(self, shares: Array, losses: dict[str, Array]) -> dict[str, Evidence]:
        """Runs as evidence; domain i comes from source i."""
        points = Points.of_shares(self.request.sources, shares)
        return {name: Evidence(points, values, np.arange(len(shares)), i, self.bases[name]) for i, (name, values) in enumerate(losses.items())}


def make_case(truth: str, n_runs: int, random: np.random.Generator) -> Case:
    """A truth of this kind with random constants, and a design of `n_runs` runs, some of them the same ratio with another seed."""
    n_sources = int(truth[-1])
    return _two_sources(truth, n_runs, random) if n_sources == 2 else _many_sources(truth, n_sources, n_runs, random)


def _two_sources(truth: str, n_runs: int, random: np.random.Generator) -> Case:
    """General and domain text; the domain's loss, alone or weighted with the general one, under a budget for the general loss."""
    old, new = {"dcpt2": _d_cpt, "exp2": _exponential, "avg2": _average, "log2": _logarithm, "power2": _power}[truth](random)
    n_extra = _EXTRA_SEEDS.get(n_runs, n_runs // 6)
    grid = np.r_[0.0, 0.01, 0.05, np.linspace(0.08, 0.6, n_runs - n_extra - 3)]
    share = np.sort(np.r_[grid, np.resize(grid[[0, 2, len(grid) // 2]], n_extra)])
    limit = random.uniform(0.1, 0.45)  # the least share of general text that truly keeps the budget
    weight = random.choice([1.0, random.uniform(0.25, 0.75)])
    target = {"domain": weight, "general": 1 - weight} if weight < 1 else {"domain": 1.0}
    return Case(
        np.stack([share, 1 - share], axis=1),
        {"general": lambda x: old(x[:, 0]), "domain": lambda x: new(x[:, 0])},
        # Standard deviations between seeds at 0 and from 50% of replay on, as in docs/explanation/replay.md.
        {"general": lambda x: 0.0016 + 0.0033 * _without_replay(x), "domain": lambda x: 0.0025 + 0.0054 * _without_replay(x)},
        {"general": float(old(np.array([limit]))[0]) / (1 + _INCREASE), "domain": None},
        Request(("general", "domain"), target, np.zeros(2), np.ones(2), {"general": _INCREASE}),
    )


def _without_replay(shares: Array) -> Array:
    return np.clip(1 - shares[:, 0] / 0.5, 0, 1)


def _d_cpt(random: np.random.Generator) -> tuple[Curve, Curve]:
    """D-CPT law (arXiv 2406.01375) at one size and number of tokens: E + B r^eta + C/(r + epsilon)^gamma of each loss's own share."""

    def curve(level: float, scale: float) -> Curve:
        b, eta, c = 0.03 * random.uniform(0.5, 1), random.uniform(0.5, 1), scale * random.uniform(0.7, 1.3)
        epsilon, gamma = random.uniform(0.1, 0.4), random.uniform(0.3, 0.8)
        return lambda r: level + b * np.maximum(r, 0) ** eta + c * (r + epsilon) ** -gamma

    old, new = curve(2.3, 0.4), curve(1.5, 0.25)
    return old, lambda r: new(1 - r)


def _exponential(random: np.random.Generator) -> tuple[Curve, Curve]:
    """Data mixing laws (arXiv 2403.16952), with constants round those of its experiment on Pile and Python."""
    old = (2.81, random.uniform(-2.2, -1.5), -random.uniform(2, 4.5))
    new = (1.18, random.uniform(-1.4, -0.8), -random.uniform(0.6, 2.1))
    return lambda r: old[0] + np.exp(old[1] + old[2] * r), lambda r: new[0] + np.exp(new[1] + new[2] * (1 - r))


def _average(random: np.random.Generator) -> tuple[Curve, Curve]:
    """Averages of three exponentials whose rates differ up to sixtyfold."""

    def curve(level: float, scale: float, fastest: float) -> Curve:
        parts, rates = random.dirichlet(np.ones(3)), np.exp(random.uniform(np.log(0.5), np.log(fastest), 3))
        return lambda r: level + scale * np.exp(-np.multiply.outer(r, rates)) @ parts

    old, new = curve(1.45, 0.2, 30), curve(1.9, 0.3, 12)
    return old, lambda r: new(1 - r)


def _logarithm(random: np.random.Generator) -> tuple[Curve, Curve]:
    """Logarithms with offset through the ends of the replay sweep (docs/explanation/replay.md)."""
    old, new = random.uniform(0.01, 0.04), random.uniform(0.1, 0.5)
    return _through_sweep(lambda r: -np.log1p(r / old), lambda r: -np.log1p((1 - r) / new))


def _power(random: np.random.Generator) -> tuple[Curve, Curve]:
    """Powers with offset through the ends of the replay sweep."""
    (old, old_power), (new, new_power) = ((random.uniform(*e), random.uniform(*s)) for e, s in (((0.01, 0.04), (0.2, 0.7)), ((0.1, 0.4), (0.3, 1.0))))
    return _through_sweep(lambda r: (r + old) ** -old_power, lambda r: (1 - r + new) ** -new_power)


def _through_sweep(old: Curve, new: Curve) -> tuple[Curve, Curve]:
    """Scale both curves to the losses of the sweep at 0 and 50% of replay."""

    def scaled(curve: Curve, at_zero: float, at_half: float) -> Curve:
        first, last = curve(np.array([0.0, 0.5]))
        return lambda r: at_zero + (at_half - at_zero) * (curve(r) - first) / (last - first)

    return scaled(old, 1.6386, 1.4961), scaled(new, 1.9264, 1.9931)


def _many_sources(truth: str, n_sources: int, n_runs: int, random: np.random.Generator) -> Case:
    """Three domains, the first with a budget and the others as target; each is an exponential of all shares, or an average of three."""
    losses: dict[str, Curve] = {}
    for i in range(3):
        losses[f"domain{i}"] = _of_all_shares(1 if truth.startswith("exp") else 3, i, n_sources, random)
    n_extra = _EXTRA_SEEDS.get(n_runs, n_runs // 6) // 2
    shares = random.dirichlet(np.ones(n_sources), n_runs - 2 * n_extra)
    shares = np.concatenate([shares, np.repeat(shares[:n_extra], 2, axis=0)])
    middling = float(np.quantile(losses["domain0"](shares), random.uniform(0.3, 0.6)))
    sources = tuple(f"source{i}" for i in range(n_sources))
    return Case(
        shares,
        losses,
        {name: (lambda x, sd=sd: np.full(len(x), sd)) for name, sd in zip(losses, (0.003, 0.005, 0.005), strict=True)},
        {"domain0": middling / (1 + _INCREASE), "domain1": None, "domain2": None},
        Request(sources, {"domain1": 0.5, "domain2": 0.5}, np.zeros(n_sources), np.ones(n_sources), {"domain0": _INCREASE}),
    )


def _of_all_shares(n_parts: int, own: int, n_sources: int, random: np.random.Generator) -> Curve:
    level, scale, parts = random.uniform(1.5, 2.5), random.uniform(0.15, 0.4), random.dirichlet(np.full(n_parts, 2.0))
    rates = random.normal(0, 0.8, (n_parts, n_sources))
    rates[:, own] -= random.uniform(1, 4, n_parts)
    for part in range(1, n_parts):
        rates[part, random.integers(n_sources)] -= random.uniform(2, 6)
    return lambda x: level + scale * np.exp(x @ rates.T) @ parts
