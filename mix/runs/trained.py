"""One run of `train`, as rows of a table of runs."""

from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np

from mix.laws import areas
from mix.plan import Plan
from mix.runs.bases import Base
from mix.runs.outputs import MixOutput, TrainOutput
from mix.runs.proxy import Proxy
from mix.runs.table import Array
from mix.shares import Flow

_MIX_SEED = 1000
"""A mix built with another seed than the training's counts as so many times its seed."""
_SMALL = 0.05
"""Largest relative difference between realised and requested tokens of a source that is taken for rounding to whole rows."""


class TrainedRun:
    """A finished run with what belongs to it: its mix and its `proxy.json`, None if they were not found, and its base model."""

    def __init__(self, output: TrainOutput, mix: MixOutput | None, proxy: Proxy | None, base: Base) -> None:
        self.output, self.base = output, base
        self.mix, self._proxy = mix, proxy
        self.name = proxy.name if proxy is not None else output.name
        seed = output.facts.recipe.seed
        self.seed = seed if mix is None or mix.plan.seed == seed else _MIX_SEED * mix.plan.seed + seed
        self.last_step = output.facts.totals.steps if output.facts.totals is not None else 0

    @cached_property
    def losses_in_training(self) -> dict[int, dict[str, float]]:
        """Bits per byte by domain at each step that was evaluated in training."""
        return {step.step: step.bits_per_byte for step in self.output.steps if step.bits_per_byte}

    @property
    def domains_in_training(self) -> list[str]:
        """Names of the domains that were evaluated in training."""
        return list(dict.fromkeys(name for losses in (*self.losses_in_training.values(), self.base_losses) for name in losses))

    @cached_property
    def base_losses(self) -> dict[str, float]:
        """Bits per byte of the base model by domain, if they were measured before the first step."""
        return next((step.base_bits_per_byte for step in self.output.steps if step.base_bits_per_byte), {})

    def row(self, step: int) -> dict[str, Any]:
        """The row at a step, without losses and model size."""
        proxy, rates, facts = self._proxy, self._rates, self.output.steps[step - 1]
        forward, annealing = areas.of_rates(rates[:step])
        row: dict[str, Any] = {
            "run": self.name,
            "kind": proxy.kind if proxy is not None else "trained",
            "tokenizer": self.mix.tokenizer if self.mix is not None else proxy.tokenizer if proxy is not None else None,
            "step": step,
            "tokens": facts.tokens,
            "pretraining_tokens": self.base.tokens,
            "seed": self.seed,
            "lr.peak": float(rates.max()),
            "lr.forward_area": float(forward[-1]),
            "lr.annealing_area": float(annealing[-1]),
        }
        if self.base.areas is not None:
            row |= {"lr.pretraining_forward_area": self.base.areas[0], "lr.pretraining_annealing_area": self.base.areas[1]}
        shares = self._shares(step, facts.tokens)
        return row | {f"share.{name}": share for name, share in shares.items()} | {f"content.{name}": content for name, content in self._contents.items()}

    @cached_property
    def _rates(self) -> np.ndarray:
        return np.array([step.lr for step in self.output.steps])

    def _shares(self, step: int, tokens: int) -> dict[str, float]:
        """Share of each source in the real tokens (without the mix: in the targets) of the first `step` steps; see `planned_shares`."""
        counts = Counter[str]()
        if self.mix is not None:
            plan = self.mix.plan
            for number, share in zip(plan.source_numbers.tolist(), planned_shares(plan, tokens).tolist(), strict=True):
                counts[self._source(plan.source_names[number])] += share
        else:
            for facts in self.output.steps[:step]:
                for name, n_targets in facts.tokens_by_source.items():
                    counts[self._source(name)] += n_targets
        total = sum(counts.values())
        return {name: count / total for name, count in counts.items()} if total else {}

    @property
    def _contents(self) -> dict[str, str]:
        if self._proxy is not None:
            return dict(self._proxy.contents)
        return self.mix.contents if self.mix is not None else {}

    def _source(self, name: str) -> str:
        """The source that a name in the mix stands for: of a proxy's split sources, the source that was split."""
        parents = self._proxy.contents if self._proxy is not None else {}
        return name if name in parents else next((parent for parent in parents if name.startswith(f"{parent}.")), name)


def planned_shares(plan: Plan, tokens: int) -> Array:
    """float64[n]: the share of each of a plan's packed sources in its first `tokens` real tokens.

    Rows are whole, so each source's tokens miss what was asked for by up to a row, and the seed decides by how much. If they do no more than that, and by
    no more than 5%, the shares are those that were asked for: then repeats with other seeds have one ratio. Otherwise they are those realised.
    """
    given = plan.schedule.state(plan.schedule.row_at(tokens)).given.astype(np.float64)
    asked = Flow(plan.schedule.flow).asked(tokens)
    asked *= given.sum() / asked.sum()
    missed = np.abs(given - asked)
    shares = asked if (missed <= np.minimum(plan.longest_row, _SMALL * asked)).all() else given
    return shares / shares.sum()
