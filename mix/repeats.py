"""How often documents appear, by ranges of a number: `{0: 1, 0.5: 2}` or `{"<0.5": 1, "0.5..0.9": 2, ">=0.9": 4}`."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

_RANGE = re.compile(r"\s*(?:<(?P<below>.+)|>=(?P<from>.+)|(?P<low>.+?)\.\.(?P<high>.+))\s*$")
FORM = '"<0.5", "0.5..0.9" (0.9 excluded), ">=0.9"'


class RepeatRange(NamedTuple):
    """From `low` on, and below `high`, a document appears `times` times."""

    low: float
    high: float
    times: int


def repeat_ranges(times: Mapping[int | float | str, int]) -> list[RepeatRange]:
    """The ranges of a table, ascending and without gaps from -∞ to ∞. Numbers are lower bounds; values below the smallest appear once.

    Raises ValueError for a table that mixes both forms, a key that is neither, and ranges that overlap or leave a gap.
    """
    if not times:
        raise ValueError("no ranges")
    numbers = {float(key): n for key, n in times.items() if not isinstance(key, str)}
    if len(numbers) == len(times):
        bounds = sorted(numbers.items())
        if not all(math.isfinite(key) for key, _ in bounds):
            raise ValueError(f"lower bounds are finite numbers; to set the repeats below the smallest, write ranges: {FORM}")
        highs = [key for key, _ in bounds[1:]] + [math.inf]
        return [RepeatRange(-math.inf, bounds[0][0], 1), *(RepeatRange(key, high, n) for (key, n), high in zip(bounds, highs, strict=True))]
    ranges = sorted(RepeatRange(*_limits(key), n) for key, n in times.items())
    for before, after in zip([RepeatRange(-math.inf, -math.inf, 1), *ranges], [*ranges, RepeatRange(math.inf, math.inf, 1)], strict=True):
        if before.high != after.low:
            fault = "no range" if before.high < after.low else "two ranges"
            raise ValueError(f"numbers from {min(before.high, after.low):g} to {max(before.high, after.low):g} are in {fault}; ranges must meet: {FORM}")
    return ranges


def _limits(key: int | float | str) -> tuple[float, float]:
    match = _RANGE.match(key) if isinstance(key, str) else None
    if match is None:
        raise ValueError(f"{key!r} is not a range; write all keys as ranges ({FORM}) or all as numbers, each a lower bound")
    try:
        low = float(match["from"] or match["low"] or -math.inf)
        high = float(match["below"] or match["high"] or math.inf)
    except ValueError:
        raise ValueError(f"{key!r} is not a range of numbers; write {FORM}") from None
    if not low < high:
        raise ValueError(f"{key!r} is empty: its lower bound is not below the upper one")
    return low, high
