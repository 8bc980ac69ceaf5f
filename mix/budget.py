"""Whether the sources hold what a mix asks of them."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from mix.errors import MixError

_ROUNDING = 1e-9


class Budget(NamedTuple):
    """A feasible mix: epochs over each source, and the largest total at the same weights with the source that limits it."""

    epochs: dict[str, float]
    largest_total: float
    limiting: str


def budget(available: Mapping[str, int], asked: Mapping[str, float], max_epochs: Mapping[str, float]) -> Budget:
    """Compare what is asked of each source with what it has; all sizes in real (non-pad) tokens, by source.

    Raises MixError if a source would be seen more than `max_epochs` times. The message names the source that allows the smallest
    total, its share, its size times its cap, the largest feasible total, and the smallest cap that would do.
    """
    total = sum(asked.values())
    room = {name: available[name] * max_epochs[name] / tokens for name, tokens in asked.items() if tokens > 0}
    blocking = min(room, key=lambda name: room[name])
    if room[blocking] < 1 - _ROUNDING:
        raise MixError(_refusal(blocking, available[blocking], asked[blocking], max_epochs[blocking], total))
    epochs = {name: tokens / available[name] if tokens else 0.0 for name, tokens in asked.items()}
    return Budget(epochs, total * room[blocking], blocking)


def _refusal(name: str, available: int, asked: float, max_epochs: float, total: float) -> str:
    share = f"source {name} blocks this mix: {asked / total:.2%} of {total:,.0f} tokens is {asked:,.0f}"
    if not available:
        return f"{share}, but it holds none; add tokens to it, or take its weights away"
    capped = available * max_epochs
    needed = math.ceil(asked / available * 100) / 100
    return (
        f"{share}, but it holds {available:,} × max_epochs {max_epochs:g} = {capped:,.0f}; "
        f"ask for at most {math.floor(total * capped / asked):,} tokens in all, or set sources.{name}.max_epochs to {needed}, or give it less weight"
    )
