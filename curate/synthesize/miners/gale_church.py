"""Alignment of the sentences of a text and its translation by their lengths alone.

Gale and Church, "A Program for Aligning Sentences in Bilingual Corpora" (Computational Linguistics 19, 1993): the lengths in characters of two
translations differ by a normal error with variance 6.8 per character; dynamic programming finds the most probable path through 1-1, 1-0, 0-1, 2-1,
1-2 and 2-2 beads. Two differences from the paper: the length ratio, 1 in the paper, is measured on the two texts, so that Chinese aligns with English
too; and a sentence without counterpart costs only its prior, not its length, so that it is left out instead of joined to its neighbour.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

_VARIANCE = 6.8
_PRIORS = {(1, 1): 0.89, (1, 0): 0.00495, (0, 1): 0.00495, (2, 1): 0.0445, (1, 2): 0.0445, (2, 2): 0.011}
"""Probability of each kind of bead, from the paper's table 5, which gives 1-0 and 0-1 one value, and 2-1 and 1-2 another; each is split evenly."""


class Bead(NamedTuple):
    """Sentences [first_start, first_stop) of the first text and [second_start, second_stop) of the second, with −ln of their probability."""

    first_start: int
    first_stop: int
    second_start: int
    second_stop: int
    cost: float


def align(first: Sequence[int], second: Sequence[int]) -> list[Bead]:
    """The beads that cover both texts, in order. `first` and `second`: lengths in characters. Time is proportional to len(first) × len(second)."""
    ratio = sum(second) / sum(first) if sum(first) and sum(second) else 1.0
    best = {(0, 0): (0.0, (0, 0))}
    for i in range(len(first) + 1):
        for j in range(len(second) + 1):
            steps = [(best[i - a, j - b][0] + _cost(first[i - a : i], second[j - b : j], ratio), (a, b)) for a, b in _PRIORS if i >= a and j >= b]
            if steps:
                best[i, j] = min(steps)
    return _walk(best, len(first), len(second))


def _walk(best: dict[tuple[int, int], tuple[float, tuple[int, int]]], i: int, j: int) -> list[Bead]:
    beads = []
    while i or j:
        cost, (a, b) = best[i, j]
        beads.append(Bead(i - a, i, j - b, j, cost - best[i - a, j - b][0]))
        i, j = i - a, j - b
    return beads[::-1]


def _cost(first: Sequence[int], second: Sequence[int], ratio: float) -> float:
    """−ln of a bead's probability: that of its kind, times that of a length difference at least as large."""
    if not first or not second:
        return -math.log(_PRIORS[len(first), len(second)])
    n_first, n_second = sum(first), sum(second)
    mean = (n_first + n_second / ratio) / 2
    delta = (n_second - n_first * ratio) / math.sqrt(max(mean, 1.0) * _VARIANCE * ratio)
    tail = max(math.erfc(abs(delta) / math.sqrt(2)), 1e-300)
    return -math.log(_PRIORS[len(first), len(second)]) - math.log(tail)
