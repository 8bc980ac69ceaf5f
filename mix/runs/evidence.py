"""From a table of runs to the evidence on one domain's loss."""

from collections.abc import Sequence

import numpy as np

from mix.errors import MixError
from mix.laws.law import Evidence, Points
from mix.laws.ratios import ratio_numbers
from mix.runs.columns import nearest
from mix.runs.recipe import RunsRecipe
from mix.runs.table import Array, Runs

_AREAS = ("lr.pretraining_forward_area", "lr.pretraining_annealing_area", "lr.forward_area", "lr.annealing_area")
_SAME_NUMBER = 1e-2
"""Largest relative difference between tokens, steps and rates of repeats: another order of rows ends with more or less padding."""


def evidence_of(runs: Runs, domain: str, recipe: RunsRecipe | None = None, *, last: bool = True) -> Evidence:
    """Everything that a cleaned table says about the loss of `domain`: its last step of each run, or with `last=False` all steps.

    Rows without this loss are left out. The base model's row is not a point: its loss is `base`, if all base rows of this domain agree on one model
    size. `noise` is the pooled standard deviation between repeated runs at their last steps. Raises MixError for a domain that the table does not have,
    and for a source in `recipe.domains` that it does not have.
    """
    if domain not in runs.domains:
        raise MixError(f"domain {domain}: no such losses{nearest(domain, runs.domains)}")
    column = runs.domains.index(domain)
    measured = runs.take(np.isfinite(runs.losses[:, column]))
    base, runs_alone = measured.take(measured.is_base), measured.take(~measured.is_base)
    ends = runs_alone.last_steps()
    noise, freedom = seed_noise(ends, ends.losses[:, column])
    chosen = ends if last else runs_alone
    number_of = {name: number for number, name in enumerate(dict.fromkeys(chosen.run))}
    return Evidence(
        points=points_of(chosen),
        losses=chosen.losses[:, column],
        run=np.array([number_of[name] for name in chosen.run], np.int64),
        source=_source_of(domain, runs.sources, recipe),
        base=_base_loss(base, column),
        noise=noise,
        noise_freedom=freedom,
    )


def points_of(runs: Runs) -> Points:
    """The points at which the rows of a table lie."""
    areas = np.stack([runs.number(name) for name in _AREAS], axis=1)
    return Points(runs.sources, runs.shares, runs.number("tokens"), runs.number("n_parameters"), runs.number("pretraining_tokens"), areas)


def seed_noise(runs: Runs, losses: Array) -> tuple[float | None, int]:
    """The standard deviation of float64[n] losses between repeated runs, and its degrees of freedom; None and 0 if no run was repeated.

    Repeats have equal shares, size, tokens, learning rate and step, and other seeds; runs of unknown seeds count as repeats unless they are copies. Their
    variances are pooled: the sum of squared deviations from each group's mean, divided by the sum of group sizes less one.
    """
    squares, freedom = 0.0, 0
    for group in _repeats(runs):
        values = losses[group]
        squares += float(((values - values.mean()) ** 2).sum())
        freedom += len(group) - 1
    return (float(np.sqrt(squares / freedom)), freedom) if freedom else (None, 0)


def _repeats(runs: Runs) -> list[list[int]]:
    """Groups of two rows or more that are repeats of each other: each row joins the first group whose first row it equals."""
    numbers = np.stack([runs.number(name) for name in ("tokens", "n_parameters", "pretraining_tokens", "lr.peak")], axis=1)
    steps = runs.number("step")
    is_merged, seeds = np.array([kind == "merged" for kind in runs.kind], bool), runs.number("seed").tolist()
    ratios = ratio_numbers(runs.shares)
    waiting, groups = np.ones(len(runs), bool), []
    for row in range(len(runs)):
        if not waiting[row]:
            continue
        same = waiting & (ratios == ratios[row]) & (is_merged == is_merged[row])
        same &= np.isclose(numbers, numbers[row], rtol=_SAME_NUMBER, atol=0, equal_nan=True).all(axis=1)
        same &= np.isclose(steps, steps[row], rtol=_SAME_NUMBER, atol=1, equal_nan=True)  # one row more may take one step more
        waiting &= ~same
        groups.append(_of_other_seeds(np.flatnonzero(same).tolist(), seeds, runs.losses))
    return [group for group in groups if len(group) > 1]


def _of_other_seeds(rows: list[int], seeds: list[float], losses: Array) -> list[int]:
    """The first row of each seed; of rows whose seed is unknown, those that are not copies, which have equal losses of every domain."""
    known = {seeds[row]: row for row in reversed(rows)}
    unknown = {losses[row].tobytes(): row for row in reversed(rows)}
    return [row for row in rows if (known[seeds[row]] if seeds[row] == seeds[row] else unknown[losses[row].tobytes()]) == row]


def _source_of(domain: str, sources: Sequence[str], recipe: RunsRecipe | None) -> int | None:
    name = recipe.domains.get(domain) if recipe is not None else None
    if name is None:
        return sources.index(domain) if domain in sources else None
    if name not in sources:
        raise MixError(f"domains.{domain}: no source {name}{nearest(name, sources)}")
    return sources.index(name)


def _base_loss(base: Runs, column: int) -> float | None:
    """The base model's loss: the mean, if its rows are of one size."""
    sizes = {size for size in base.number("n_parameters").tolist() if size == size}
    return float(base.losses[:, column].mean()) if len(base) and len(sizes) < 2 else None
