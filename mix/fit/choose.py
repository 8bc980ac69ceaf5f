"""Which law to use: the smallest held-out error, or a law with fewer parameters that is as good as far as the ratios tell."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mix.fit.errors import HeldOut
from mix.fit.splits import SplitName

ORDER: tuple[SplitName, ...] = ("ratio", "size", "step")
"""Held-out rows that laws are chosen by unless the recipe says which: of the first kind that any law was tested on."""

WORDS: dict[SplitName, str] = {"ratio": "held-out ratios", "size": "the held-out size", "step": "held-out steps"}


class Contender(NamedTuple):
    """A law with its number of fitted parameters (0: no fixed number) and its predictions of held-out rows."""

    law: str
    n_free: int
    held_out: Mapping[SplitName, HeldOut]


def choose(contenders: Sequence[Contender], split: SplitName, trivial: float = np.inf) -> tuple[str, str]:
    """The chosen law's name and the reason, by the predictions of one split; laws that were not tested on it are passed over.

    Of the laws whose error is at most one standard error above the smallest, the one with the fewest parameters; the standard error is that of the
    difference, ratio by ratio. A law that is worse than the best trivial guess, whose mean absolute error is `trivial`, is not preferred to one that
    is better. Raises ValueError if no law was tested on the split.
    """
    errors = {law.law: law.held_out[split].by_ratio for law in contenders if split in law.held_out}
    if not errors:
        raise ValueError(f"no law was tested on {split}")
    best = min(errors, key=lambda name: float(errors[name].mean()))
    most = trivial if errors[best].mean() <= trivial else np.inf
    close = [law for law in contenders if law.law in errors and _is_as_good(errors[law.law], errors[best]) and errors[law.law].mean() <= most]
    chosen = min(close, key=lambda law: (law.n_free or np.inf, float(errors[law.law].mean()))).law
    smallest = f"smallest error on {WORDS[split]}"
    if chosen == best:
        return chosen, smallest
    return chosen, f"error on {WORDS[split]} within one standard error of {best}'s, which is the smallest, with fewer parameters"


def _is_as_good(errors: np.ndarray, best: np.ndarray) -> bool:
    """Whether the mean difference of two laws' errors, float64[n_ratios] each, is at most its standard error."""
    difference = errors - best
    n = len(difference)
    return bool(difference.mean() <= (difference.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0))
