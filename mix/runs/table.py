"""The table of runs in memory: one row per run and step, with its shares and its losses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Unit = Literal["nats a token", "bits per byte"]

NUMBERS = (
    "step",
    "tokens",
    "n_parameters",
    "pretraining_tokens",
    "seed",
    "lr.peak",
    "lr.forward_area",
    "lr.annealing_area",
    "lr.pretraining_forward_area",
    "lr.pretraining_annealing_area",
)
"""Columns with one number a row. Tokens are real tokens that the run was trained on up to this step; areas are those of arXiv 2505.07796, in units
of learning rate times steps."""

KINDS = ("trained", "merged", "base", "confirmation")
"""Where a row comes from: a proxy that was trained; experts merged at its shares; the model that training starts from, which has no shares; a run at
shares that were suggested."""


@dataclass(frozen=True)
class Runs:
    """A table of n rows over k sources and d domains.

    Unknown numbers are NaN and unknown text is "". `shares` is float64[n, k], `losses` float64[n, d]. `contents` is text[n, k]: the hash of the tokens of
    each source that the row was trained on, "" where it is unknown. `units` has the unit of each domain's loss. A table that was read by `mix.runs.read`
    has rows with one content per source, and one row per run and step.
    """

    run: tuple[str, ...]
    kind: tuple[str, ...]
    tokenizer: tuple[str, ...]
    numbers: dict[str, Array]
    sources: tuple[str, ...]
    shares: Array
    domains: tuple[str, ...]
    losses: Array
    units: tuple[Unit, ...]
    contents: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.run)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> "Runs":
        """The rows with these numbers, or those where a mask of bool[n] is true."""
        index = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, np.int64)
        text = {name: tuple(getattr(self, name)[i] for i in index) for name in ("run", "kind", "tokenizer")}
        numbers = {name: values[index] for name, values in self.numbers.items()}
        return replace(self, **text, numbers=numbers, shares=self.shares[index], losses=self.losses[index], contents=self.contents[index])

    def number(self, name: str) -> Array:
        """float64[n] of one of NUMBERS; NaN throughout if the table lacks it."""
        return self.numbers.get(name, np.full(len(self), np.nan))

    @property
    def is_base(self) -> NDArray[np.bool_]:
        """bool[n]: rows of the model that training starts from."""
        return np.array([kind == "base" for kind in self.kind], bool)

    def last_steps(self) -> "Runs":
        """The last step of each run (where steps are unknown, the row with most tokens), in the order in which runs first appear; the base's row stays."""
        steps, tokens = (np.nan_to_num(self.number(name), nan=-1.0).tolist() for name in ("step", "tokens"))
        best: dict[str, int] = {}
        for row, name in enumerate(self.run):
            if name not in best or (steps[row], tokens[row]) > (steps[best[name]], tokens[best[name]]):
                best[name] = row
        return self.take(list(best.values()))
