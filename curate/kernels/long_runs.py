"""Runs of characters that a library takes in one go, cut where they are longer than it can take in reasonable time."""

import re
from typing import NamedTuple


class LongRuns(NamedTuple):
    """Which runs are cut."""

    pattern: re.Pattern[str]
    n_chars: int
    """Characters of a piece."""


def long_runs(characters: str, n_chars: int) -> LongRuns:
    """Runs of more than `n_chars` of `characters`, which stand as in a class of a regular expression."""
    # Tried at the first character of a run only, so that a search takes time linear in the text.
    return LongRuns(re.compile(f"(?<![{characters}])[{characters}]{{{n_chars + 1},}}"), n_chars)


def cut_runs(text: str, runs: LongRuns) -> list[str]:
    """The text itself, or the pieces that it is cut in within such runs; none is empty but for an empty text."""
    found = [match.span() for match in runs.pattern.finditer(text)]
    cuts = [cut for start, end in found for cut in range(start + runs.n_chars, end, runs.n_chars)]
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
