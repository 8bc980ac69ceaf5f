"""RegMix: boosted regression trees on the shares."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.refusals import n_ratios, not_finite
from mix.laws.share_axes import aligned_shares

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_ROWS_AT_A_TIME = 1024


@dataclass(frozen=True)
class Trees:
    """Regression trees side by side, t of them with m nodes in all.

    `root` is int64[t], the node that each tree begins at. `source`, `left` and `right` are int64[m], `threshold` and `value` float64[m]: a point goes left
    where its share of `source` is at most `threshold`, as a float32. A leaf is its own `left` and `right`.
    """

    root: Integers
    source: Integers
    threshold: Array
    left: Integers
    right: Integers
    value: Array
    depth: int

    @classmethod
    def of(cls, trees: list[Any], rate: float) -> "Trees":
        """The `tree_` objects of scikit-learn, with leaf values times the learning rate."""
        sizes = np.array([tree.node_count for tree in trees])
        root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        parts: dict[str, list[Any]] = {"source": [], "threshold": [], "left": [], "right": [], "value": []}
        for tree, first in zip(trees, root, strict=True):
            here = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            parts["source"].append(np.where(leaf, 0, tree.feature))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["left"].append(np.where(leaf, here, tree.children_left) + first)
            parts["right"].append(np.where(leaf, here, tree.children_right) + first)
            parts["value"].append(np.where(leaf, tree.value[:, 0, 0] * rate, 0.0))
        nodes = {name: np.concatenate(values) for name, values in parts.items()}
        return cls(root, depth=max(tree.max_depth for tree in trees), **nodes)

    @classmethod
    def read(cls, record: dict[str, Any]) -> "Trees":
        """From lists. Raises ValueError for nodes that do not exist."""
        numbers = {name: np.array(record[name], np.int64) for name in ("root", "source", "left", "right")}
        trees = cls(**numbers, threshold=np.array(record["threshold"], np.float64), value=np.array(record["value"], np.float64), depth=int(record["depth"]))
        nodes = (trees.source, trees.threshold, trees.left, trees.right, trees.value)
        size = len(trees.value)
        if any(len(part) != size for part in nodes) or any(((part < 0) | (part >= size)).any() for part in (trees.root, trees.left, trees.right)):
            raise ValueError("nodes of trees that do not exist")
        return trees

    def record(self) -> dict[str, Any]:
        """The arrays as lists."""
        names = ("root", "source", "threshold", "left", "right", "value")
        return {name: getattr(self, name).tolist() for name in names} | {"depth": self.depth}

    def predict(self, shares: Array) -> Array:
        """float64[n]: sum of the trees at shares float64[n, k]."""
        single = shares.astype(np.float32)
        total = np.empty(len(single))
        for first in range(0, len(single), _ROWS_AT_A_TIME):
            rows = single[first : first + _ROWS_AT_A_TIME]
            node = np.broadcast_to(self.root, (len(rows), len(self.root)))
            for _ in range(self.depth):
                goes_left = np.take_along_axis(rows, self.source[node], axis=1) <= self.threshold[node]
                node = np.where(goes_left, self.left[node], self.right[node])
            total[first : first + len(rows)] = self.value[node].sum(axis=1)
        return total


@dataclass(frozen=True)
class FittedRegMix:
    """`mean` plus the sum of the trees."""

    sources: tuple[str, ...]
    mean: float
    trees: Trees
    unidentified: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    name: str = field(default="regmix", init=False)
    n_free: int = field(default=0, init=False)

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point uses a source that the law does not know."""
        shares = aligned_shares(points, self.sources)
        known = np.isfinite(shares).all(axis=1)
        losses = np.full(len(shares), np.nan)
        losses[known] = self.mean + self.trees.predict(shares[known])
        return losses

    def tangent(self, points: Points) -> None:
        """None: trees have no parameters with a derivative."""
        return None

    def record(self) -> dict[str, Any]:
        """The trees as lists of nodes: a few hundred kilobytes of JSON."""
        return {"law": self.name, "sources": list(self.sources), "mean": self.mean, "trees": self.trees.record()}


@dataclass(frozen=True)
class RegMix:
    """Boosted regression trees on the shares (RegMix, arXiv 2407.01492), by scikit-learn instead of LightGBM and with a fixed number of trees.

    The published notebook stops boosting by the error on its test runs; nothing here sees runs that are not fitted. Each tree sees half of the runs
    (stochastic gradient boosting, Friedman 2002), drawn with the seed. Trees give the loss of the nearest runs beyond the evidence: they do not extrapolate.
    """

    n_trees: int = 400
    learning_rate: float = 0.05
    max_depth: int = 5
    """Shares that may interact in one tree."""
    min_leaf: int = 5
    """Fewest runs in a leaf. Chosen with `max_depth` by cross-validation on RegMix's training runs alone."""
    subsample: float = 0.5
    fewest_ratios: int = 30
    """Distinct ratios below which trees have too little to split."""
    name: str = "regmix"
    reference: str = "RegMix (arXiv 2407.01492): L = boosted regression trees of the shares"
    along_runs: bool = False

    def problem(self, evidence: Evidence) -> str | None:
        """Too few distinct ratios."""
        if fault := not_finite(evidence):
            return fault
        if (distinct := n_ratios(evidence)) < self.fewest_ratios:
            return f"boosted trees need at least {self.fewest_ratios} distinct ratios; there are {distinct}"
        return None

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedRegMix:
        """Boost trees; `start` changes only that `problem` is not asked, since a bootstrap repeats ratios."""
        from sklearn.ensemble import GradientBoostingRegressor

        problem = None if start else self.problem(evidence)
        if problem:
            raise MixError(f"{self.name}: {problem}")
        mean = float(evidence.losses.mean())
        model = GradientBoostingRegressor(
            n_estimators=self.n_trees,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            subsample=self.subsample,
            init="zero",
            random_state=seed,
        ).fit(evidence.points.shares, evidence.losses - mean)
        trees = Trees.of([tree.tree_ for tree in model.estimators_[:, 0]], self.learning_rate)
        return FittedRegMix(evidence.points.sources, mean, trees)

    def read(self, record: dict[str, Any]) -> FittedRegMix:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            sources, trees = tuple(record["sources"]), Trees.read(record["trees"])
            if trees.source.max(initial=0) >= len(sources) or trees.source.min(initial=0) < 0:
                raise ValueError("trees split on a source that does not exist")
            return FittedRegMix(sources, float(record["mean"]), trees)
        except (KeyError, TypeError, ValueError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None
