"""Rules that turn losses by source and current weights into next weights.

All rules have the signature `(Losses, weights, state) -> Next`. `state` is what the rule returned the last time, kept in the mix's history; None
the first time. Weights are positive shares that sum to 1.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mix.errors import MixError
from shards.recipe import Recipe

Array = NDArray[np.float64]
State = dict[str, Any] | None


class Losses(NamedTuple):
    """Measured losses in nats per token."""

    steps: Array
    """(n_steps, n_sources): one row per measurement, oldest first; NaN where a source was not measured"""
    now: Array
    """(n_sources,): the latest losses, averaged over the last steps"""
    before: Array | None
    """(n_sources,): the losses to compare with: of an earlier measurement, or of a reference model"""


class Next(NamedTuple):
    """(n_sources,) weights, and the state that the rule needs the next time."""

    weights: Array
    state: dict[str, Any]


Rule = Callable[[Losses, Array, State], Next]


class SynERecipe(Recipe):
    """Topic re-weighting of Llama-3-SynE (arXiv 2407.18743): sources whose validation perplexity rose get more.

    share ← share · f, divided by the sum, with f = 1 + strength · δ · importance, and δ the normalised change of perplexity. The paper gives
    neither strength, importance nor normalisation, and its code was not released: those are ours.
    """

    name: Literal["syne"] = "syne"

    strength: float = Field(0.5, ge=0)
    """α. Our default."""

    normalise: Literal["largest", "sum"] = "largest"
    """δ is the change divided by the largest change, or by the sum of all changes, in absolute values. Our default."""

    importance: dict[str, float] = Field(default_factory=dict)
    """w by source; 1 for sources not named. Our default."""

    least_factor: float = Field(0.05, gt=0, le=1)
    """Lower limit of f, so that no source vanishes. Our default."""

    def rule(self, sources: list[str]) -> Rule:
        """The rule for these sources, in order."""
        importance = np.array([self.importance.get(source, 1.0) for source in sources])

        def next_weights(measured: Losses, weights: Array, state: State) -> Next:
            if measured.before is not None:
                before = measured.before
            elif state is not None:
                before = np.array(state["losses"])
            else:
                raise MixError("rule syne compares perplexities with an earlier measurement; give it as --before")
            change = np.exp(measured.now) - np.exp(before)
            size = np.abs(change).max() if self.normalise == "largest" else np.abs(change).sum()
            factor = 1 + self.strength * (change / size if size else change) * importance
            return Next(_normalised(weights * np.maximum(factor, self.least_factor)), {"losses": measured.now.tolist()})

        return next_weights


class DoReMiRecipe(Recipe):
    """Group distributionally robust weights (arXiv 2305.10429): sources on which the model lags behind a reference get more.

    w ← w · exp(step · excess), divided by the sum, then (1 - smoothing) · w + smoothing / n. The paper clips the excess at 0 token by token; here
    the excess of the source's mean loss is clipped, a lower bound of that.
    """

    name: Literal["doremi"] = "doremi"

    step: float = Field(1.0, gt=0)
    """η, as in the paper and its code."""

    smoothing: float = Field(1e-4, ge=0, le=1)
    """ε, the default of its code; its script for the Pile has 1e-3."""

    average: bool = False
    """Return the average over all steps so far, with which the paper trains the final model."""

    def rule(self, sources: list[str]) -> Rule:
        """The rule for these sources, in order."""

        def next_weights(measured: Losses, weights: Array, state: State) -> Next:
            if measured.before is None:
                raise MixError("rule doremi compares losses with those of a reference model; give them as --before")
            state = state or {"steps": 0, "sum": [0.0] * len(weights), "weights": weights.tolist()}
            lifted = np.array(state["weights"]) * np.exp(self.step * np.maximum(measured.now - measured.before, 0))
            moved = (1 - self.smoothing) * _normalised(lifted) + self.smoothing / len(weights)
            total, steps = np.array(state["sum"]) + moved, state["steps"] + 1
            after = {"steps": steps, "sum": total.tolist(), "weights": moved.tolist()}
            return Next(_normalised(total) if self.average else moved, after)

        return next_weights


class OnlineMixingRecipe(Recipe):
    """Online data mixing (arXiv 2312.02406): a bandit (Exp3) whose reward is the loss, updated by each measured training step.

    R ← memory · R + (1 - memory) · loss / share for sources that were measured, where share is that of the measured training. With e_t = min(1/n,
    √(ln n / (n t))) after t steps in total, the next shares are (1 - n · e_t) · softmax(e_(t-1) · R) + e_t. The paper updates the shares at each
    step; here they change once per call, with the steps of a whole period. They stay uniform for the first n · ln n steps.
    """

    name: Literal["odm"] = "odm"

    memory: float = Field(0.9, ge=0, lt=1)
    """Fraction of the old reward that is kept. The moving average is the paper's; 0.9 is ours."""

    def rule(self, sources: list[str]) -> Rule:
        """The rule for these sources, in order."""

        def next_weights(measured: Losses, weights: Array, state: State) -> Next:
            n = len(weights)
            steps, reward = (state["steps"], np.array(state["reward"])) if state else (0, np.zeros(n))
            for losses in measured.steps:
                steps += 1
                measured_sources = np.isfinite(losses)
                reward[measured_sources] = self.memory * reward[measured_sources] + (1 - self.memory) * losses[measured_sources] / weights[measured_sources]
            explore, explored = _exploration(n, steps), _exploration(n, steps - 1)
            lifted = np.exp(explored * (reward - reward.max()))
            shares = (1 - n * explore) * lifted / lifted.sum() + explore
            return Next(_normalised(shares), {"steps": steps, "reward": reward.tolist()})

        return next_weights


RULES: dict[str, type[SynERecipe] | type[DoReMiRecipe] | type[OnlineMixingRecipe]] = {"syne": SynERecipe, "doremi": DoReMiRecipe, "odm": OnlineMixingRecipe}
"""Rules by name."""


def _exploration(n: int, step: int) -> float:
    return min(1 / n, float(np.sqrt(np.log(n) / (n * step)))) if step else 1 / n


def _normalised(weights: Array) -> Array:
    return weights / weights.sum()
