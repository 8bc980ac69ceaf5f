"""What is compared: checkpoints, and recipes of several runs that differ by their seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from eval.recipe import EvaluateRecipe
from eval.statistics.differences import ratio_difference
from eval.statistics.interval import Interval
from eval.statistics.recipes import Noise, recipe_difference, seed_noise
from eval.summary.scored import ScoredDomain


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a checkpoint, or the runs of a recipe."""

    name: str
    models: tuple[str, ...]
    is_recipe: bool = False


@dataclass(frozen=True)
class Pair:
    """`new` compared with `base`. As soon as one side is a recipe, the comparison is one of recipes."""

    base: Side
    new: Side

    @property
    def of(self) -> str:
        """`recipe` or `checkpoint`."""
        return "recipe" if self.base.is_recipe or self.new.is_recipe else "checkpoint"


def pairs_of(recipe: EvaluateRecipe) -> list[Pair]:
    """Recipes first: each against the baseline, then against each earlier one. Then checkpoints: each against the baseline, then those that belong to
    no recipe against each earlier one of these."""
    baseline = Side(recipe.baseline, (recipe.baseline,))
    recipes = [Side(name, tuple(models), True) for name, models in recipe.recipes.items()]
    grouped = {model for side in recipes for model in side.models}
    checkpoints = [Side(model, (model,)) for model in recipe.models if model != recipe.baseline]
    alone = [side for side in checkpoints if side.name not in grouped]
    pairs = [Pair(baseline, side) for side in recipes if recipe.baseline not in side.models]
    pairs += [Pair(first, second) for first, second in combinations(recipes, 2)]
    pairs += [Pair(baseline, side) for side in checkpoints]
    return pairs + [Pair(first, second) for first, second in combinations(alone, 2)]


class Comparison:
    """Intervals of differences on one domain, whole or in part."""

    def __init__(self, domain: ScoredDomain, recipe: EvaluateRecipe, known: Noise | None) -> None:
        self._values = {model: domain.values(model) for model in recipe.models}
        self._clusters, self._recipe, self._known = domain.clustering.labels, recipe, known

    @property
    def noise(self) -> Noise | None:
        """Deviation between seeds: pooled over the recipes' own runs, and with the figure that the recipe states."""
        return seed_noise([self._runs(models) for models in self._recipe.recipes.values()], known=self._known)

    def interval(self, pair: Pair, documents: np.ndarray | None = None) -> Interval:
        """The difference on all documents, or those with these row numbers: over documents, and for recipes over seeds, too."""
        clusters = self._clusters if documents is None else self._clusters[documents]
        options: dict[str, Any] = {"clusters": clusters, "n_resamples": self._recipe.n_resamples, "seed": self._recipe.seed}
        base, new = (self._runs(side.models, documents) for side in (pair.base, pair.new))
        if pair.of == "checkpoint":
            return ratio_difference(base[0], new[0], **options)
        is_start = not pair.base.is_recipe
        return recipe_difference(base, new, fixed_base=is_start, noise=self._noise_of_others(pair, documents), **options)

    def is_below_noise(self, pair: Pair) -> bool | None:
        """Whether a difference of checkpoints is within what other seeds would give; None if nothing is known about seeds, or for recipes."""
        noise = self.noise
        if pair.of == "recipe" or noise is None:
            return None
        base, new = (self._runs(side.models) for side in (pair.base, pair.new))
        is_start = pair.base.name == self._recipe.baseline
        options: dict[str, Any] = {"clusters": self._clusters, "n_resamples": self._recipe.n_resamples, "seed": self._recipe.seed}
        return recipe_difference(base, new, fixed_base=is_start, noise=noise, **options).p_value >= 0.05

    def _runs(self, models: Sequence[str], documents: np.ndarray | None = None) -> list[np.ndarray]:
        return [self._values[model] if documents is None else self._values[model][documents] for model in models]

    def _noise_of_others(self, pair: Pair, documents: np.ndarray | None) -> Noise | None:
        """Noise of the recipes that are not compared here, whose own runs `recipe_difference` adds."""
        here = {pair.base.name, pair.new.name}
        others: Mapping[str, Sequence[str]] = {name: models for name, models in self._recipe.recipes.items() if name not in here}
        return seed_noise([self._runs(models, documents) for models in others.values()], known=self._known)
