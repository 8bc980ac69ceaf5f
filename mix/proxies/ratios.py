"""The ratios of a design, each with its number of repeats."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.proxies.points import PointRecipe, read_points
from mix.proxies.recipe import DirichletRecipe, GridRecipe, NextRecipe, PointsRecipe, ProxiesRecipe, SeedsRecipe
from mix.proxies.sources import Sources
from mix.runs.proxy import Kind

Array = NDArray[np.float64]

_DECIMALS = 6
"""Decimals of a share: recipes stay readable, and the error is a millionth of the run."""
_SMALLEST_SHARE = 2e-4
"""Smaller shares of random ratios are set to 0, as in RegMix."""
_MOST_GRID = 100_000
_TRIES = 1000
"""Batches of random ratios before a cap counts as too tight."""


@dataclass(frozen=True)
class Ratio:
    """Shares of all sources, in their order, rounded so that they sum to 1; and the number of runs at them, None where `seeds` decides."""

    shares: tuple[float, ...]
    repeats: int | None = None


def ratios(recipe: ProxiesRecipe, sources: Sources) -> list[Ratio]:
    """All ratios of a recipe, without duplicates, in a fixed order, with their repeats. A confirmation has the repeats of its points: `seeds` would add
    ratios that no suggestion was made for.

    Raises MixError for unknown sources, and for random ratios that the sources' sizes do not allow.
    """
    chosen = _unique(_designed(recipe, sources))
    seeds = None if kind_of(recipe) == "confirmation" else recipe.seeds
    return [replace(ratio, repeats=ratio.repeats or 1) for ratio in _repeated(chosen, seeds, sources.names)]


def kind_of(recipe: ProxiesRecipe) -> Kind:
    """Kind of the trained runs of a recipe: confirmation where its ratios test a suggestion."""
    design = recipe.design
    if not isinstance(design, PointsRecipe):
        return "trained"
    return read_points(design.file).kind if design.file is not None else "confirmation" if design.confirmation else "trained"


def rounded(shares: Sequence[float] | Array) -> tuple[float, ...]:
    """Shares that sum to 1 in decimal: the largest takes the rounding errors of the others."""
    values = np.asarray(shares, np.float64)
    parts = np.round(values / values.sum(), _DECIMALS)
    largest = int(np.argmax(parts))
    parts[largest] = np.round(1 - np.delete(parts, largest).sum(), _DECIMALS)
    return tuple(parts.tolist())


def _designed(recipe: ProxiesRecipe, sources: Sources) -> list[Ratio]:
    match recipe.design:
        case GridRecipe() as grid:
            return [Ratio(rounded(shares)) for shares in _grid(grid, sources.names)]
        case DirichletRecipe() as dirichlet:
            return [Ratio(shares) for shares in _dirichlet(dirichlet, sources, recipe.seed)]
        case PointsRecipe() as points:
            listed = points.points if points.file is None else read_points(points.file).points
            return [_of_point(point, sources.names) for point in listed]
        case NextRecipe() as following:
            from mix.laws.extra import need_laws_extra

            need_laws_extra("design: next")
            from mix.proxies.unsure import least_sure

            times = Counter(map(rounded, least_sure(following.fit, sources, recipe.tokens, following.n, recipe.seed)))
            return [Ratio(shares, n if n > 1 else None) for shares, n in times.items()]


def _of_point(point: PointRecipe, names: Sequence[str]) -> Ratio:
    return Ratio(_in_order(point.shares, names), point.repeats)


def _in_order(shares: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    _refuse_unknown(shares, names)
    if sum(shares.values()) <= 0:
        raise MixError(f"the shares {dict(shares)} sum to 0; they must sum to 1")
    return rounded([shares.get(name, 0.0) for name in names])


def _refuse_unknown(named: Iterable[str], names: Sequence[str]) -> None:
    for name in named:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            raise MixError(f"design: no source is called {name}" + (f", did you mean {close[0]}?" if close else f"; the sources are {', '.join(names)}"))


def _grid(grid: GridRecipe, names: Sequence[str]) -> list[Array]:
    if grid.step is not None:
        n = round(1 / grid.step)
        return [np.array(counts) / n for counts in _compositions(n, len(names))]
    _refuse_unknown(grid.shares, names)
    rest = [name for name in names if name not in grid.shares]
    if len(rest) != 1:
        missing = f"lists all sources; leave out one of {', '.join(names)}" if not rest else f"leaves out {', '.join(rest)}; list all of them but one"
        raise MixError(f"design.shares: {missing}, which gets the rest")
    found = []
    for values in product(*grid.shares.values()):
        if sum(values) <= 1 + 1e-9:
            shares = dict(zip(grid.shares, values, strict=True)) | {rest[0]: max(0.0, 1 - sum(values))}
            found.append(np.array([shares[name] for name in names]))
    if not found:
        raise MixError("design.shares: every combination sums to more than 1; list smaller shares")
    return found


def _compositions(n: int, k: int) -> list[tuple[int, ...]]:
    """All ways to write n as a sum of k numbers, in order."""
    rows: list[tuple[int, ...]] = [()]
    for left in range(k - 1, 0, -1):
        rows = [(*row, count) for row in rows for count in range(n - sum(row) + 1)]
        if len(rows) > _MOST_GRID:
            raise MixError(f"design.step: 1/{n} with {left + 1} and more sources left gives more than {_MOST_GRID:,} ratios; use a larger step, or dirichlet")
    return [(*row, n - sum(row)) for row in rows]


def _dirichlet(design: DirichletRecipe, sources: Sources, seed: int) -> list[tuple[float, ...]]:
    """n different ratios as RegMix draws them: Dirichlet(strength * prior**temperature), the strengths uniform on a log scale, small shares dropped, ratios
    dropped that would repeat a source too often."""
    prior = sources.tokens
    if design.prior is not None:
        _refuse_unknown(design.prior, sources.names)
        lacking = [name for name in sources.names if name not in design.prior]
        if lacking:
            raise MixError(f"design.prior: nothing for {', '.join(lacking)}; give each source a share")
        prior = np.array([design.prior[name] for name in sources.names])
    empty = [name for name, share in zip(sources.names, prior, strict=True) if share <= 0]
    if empty:
        raise MixError(f"design: source {', '.join(empty)} holds no tokens, so it cannot be drawn; remove it")
    weights = (prior / prior.sum()) ** design.temperature
    weights /= weights.sum()
    low, high = np.log(design.strengths)
    rng = np.random.default_rng([seed, 0xD1])
    kept: dict[tuple[float, ...], None] = {}
    for _ in range(_TRIES):
        strengths = np.exp(rng.uniform(low, high, design.n))
        draws = rng.standard_gamma(strengths[:, None] * weights)
        draws = draws[draws.sum(axis=1) > 0]
        draws /= draws.sum(axis=1, keepdims=True)
        draws[draws < _SMALLEST_SHARE] = 0
        kept |= dict.fromkeys(shares for shares in map(rounded, draws) if (np.array(shares) <= sources.largest).all())
        if len(kept) >= design.n:
            return list(kept)[: design.n]
    tight = sources.names[int(np.argmin(sources.largest / weights))]
    raise MixError(
        f"design: only {len(kept)} of {_TRIES * design.n:,} random ratios differ and keep within the sources' sizes; "
        f"the tightest is {tight}, which may have at most "
        f"{sources.largest[sources.names.index(tight)]:.2%} of a run; raise its max_epochs, lower tokens, or give a prior with less of it"
    )


def _unique(chosen: list[Ratio]) -> list[Ratio]:
    """Each ratio once, with the most repeats that any of its duplicates has."""
    by_shares: dict[tuple[float, ...], Ratio] = {}
    for ratio in chosen:
        known = by_shares.get(ratio.shares, ratio)
        by_shares[ratio.shares] = replace(known, repeats=max(known.repeats or 0, ratio.repeats or 0) or None)
    return list(by_shares.values())


def _repeated(chosen: list[Ratio], seeds: SeedsRecipe | None, names: Sequence[str]) -> list[Ratio]:
    """The ratios with the repeats of `seeds` where they have none of their own; ratios that it lists join the design."""
    if seeds is None:
        return chosen
    if isinstance(seeds.at, list):
        at = {_in_order(shares, names) for shares in seeds.at}
        chosen = chosen + [Ratio(shares) for shares in sorted(at - {ratio.shares for ratio in chosen})]
    elif seeds.at == "all":
        at = {ratio.shares for ratio in chosen}
    else:
        points = np.array([ratio.shares for ratio in chosen])
        at = {chosen[int(np.argmin(np.round(np.abs(points - points.mean(axis=0)).sum(axis=1), 9)))].shares}
    return [replace(ratio, repeats=seeds.repeats) if ratio.repeats is None and ratio.shares in at else ratio for ratio in chosen]
