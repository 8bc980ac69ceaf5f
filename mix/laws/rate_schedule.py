"""Learning-rate schedules that a law is asked about: warm-up, then constant, linear, cosine, or constant with a decay."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError

Array = NDArray[np.float64]
Decay = Literal["linear", "cosine", "sqrt"]


@dataclass(frozen=True)
class RateSchedule:
    """The shape of a schedule. The trainer's recipe has the same settings with the same defaults, and `rates` are what it trains with.

    `warmup_steps`: steps of linear warm-up; None: `warmup_share` of all steps. After it `constant` stays at the peak; `linear` and `cosine` fall to
    `final_share` of the peak until the end; `wsd` stays and falls in the last `decay_share` of all steps, in the shape `decay_shape`.
    """

    kind: Literal["wsd", "cosine", "linear", "constant"] = "wsd"
    warmup_steps: int | None = None
    warmup_share: float = 0.01
    start_share: float = 0.0
    decay_share: float = 0.2
    decay_shape: Decay = "sqrt"
    final_share: float = 0.0

    def rates(self, peak: float, n_steps: int) -> Array:
        """float64[n_steps]: the learning rate of each step. A falling rate is at the peak in its first step and would reach its end one step after the last.

        Raises MixError for a peak that is not above 0, and for no steps.
        """
        if not (np.isfinite(peak) and peak > 0):
            raise MixError(f"peak learning rate {peak:g}; give one above 0")
        if n_steps < 1:
            raise MixError(f"a schedule of {n_steps} steps; give 1 or more")
        n_warmup = min(round(self.warmup_share * n_steps) if self.warmup_steps is None else self.warmup_steps, n_steps)
        rest = n_steps - n_warmup
        n_decay = {"wsd": min(round(self.decay_share * n_steps), rest), "constant": 0}.get(self.kind, rest)
        warmup = self.start_share + (1 - self.start_share) * np.arange(1, n_warmup + 1) / max(n_warmup, 1)
        decay = self.final_share + (1 - self.final_share) * _left(np.arange(n_decay) / max(n_decay, 1), self.decay_shape if self.kind == "wsd" else self.kind)
        shares: Array = np.concatenate([warmup, np.ones(rest - n_decay), decay])
        return peak * shares


def _left(done: Array, shape: str) -> Array:
    """What is left of a fall, from 1 at `done` = 0 to 0 at `done` = 1."""
    if shape == "cosine":
        return (1 + np.cos(np.pi * done)) / 2
    return 1 - np.sqrt(done) if shape == "sqrt" else 1 - done
