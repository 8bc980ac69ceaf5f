"""Forward and annealing area of a sequence of learning rates: what the loss depends on in the laws of arXiv 2408.11029 and 2505.07796."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.rate_schedule import RateSchedule

Array = NDArray[np.float64]
Warmup = Literal["at peak", "as it is"]
"""How the leading steps count in which the rate rises.

`at peak`: each counts as if the rate were at the peak already, so that warm-up neither lacks forward area nor adds negative annealing area. The
code published with arXiv 2408.11029 does this, and it is our default. `as it is`: each counts with its rate, and the rise is negative annealing.
"""

DECAY = 0.999
"""λ: the share of an annealing step's momentum that is left one step later (arXiv 2408.11029)."""


def of_rates(rates: Sequence[float] | Array, *, decay: float = DECAY, warmup: Warmup = "at peak") -> tuple[Array, Array]:
    """Forward and annealing area after each step, float64[n] each, of the learning rates of n consecutive optimizer steps of one phase.

    Forward area: S1_t = Σ_{i≤t} η_i. Annealing area: S2_t = Σ_{i≤t} Σ_{1<k≤i} (η_{k-1} − η_k) λ^{i−k} with λ = `decay`, computed in O(n) as
    m_t = λ m_{t-1} + (η_{t-1} − η_t), S2_t = S2_{t-1} + m_t. Both are in units of learning rate times steps. A phase begins without momentum: its
    first rate is not compared with the last one of the phase before. No rates give two empty arrays.

    Raises MixError for a rate that is negative or not finite, with its step.
    """
    counted = np.array(rates, np.float64)
    wrong = np.flatnonzero(~(np.isfinite(counted) & (counted >= 0)))
    if len(wrong):
        raise MixError(f"learning rate of step {wrong[0] + 1}: {counted[wrong[0]]:g}; areas need a finite rate of 0 or more for every step")
    if warmup == "at peak":
        n_warmup = _warmup_steps(counted)
        counted[:n_warmup] = counted[n_warmup : n_warmup + 1]
    falls = np.append(np.zeros(min(len(counted), 1)), -np.diff(counted))
    momentum = np.fromiter(accumulate(falls, lambda kept, fall: decay * kept + fall), np.float64, len(counted))
    return np.cumsum(counted), np.cumsum(momentum)


def of_schedule(schedule: RateSchedule, peak: float, n_steps: int, *, decay: float = DECAY, warmup: Warmup = "at peak") -> tuple[Array, Array]:
    """Forward and annealing area after each of `n_steps` steps, float64[n_steps] each, of a schedule with this peak. Raises MixError like its rates."""
    return of_rates(schedule.rates(peak, n_steps), decay=decay, warmup=warmup)


def _warmup_steps(rates: Array) -> int:
    """Steps before the first one at the peak, where the peak is the end of the leading rise."""
    falls = np.flatnonzero(np.diff(rates) < 0)
    end = int(falls[0]) + 1 if len(falls) else len(rates)
    return int(np.argmax(rates[:end])) if end else 0
