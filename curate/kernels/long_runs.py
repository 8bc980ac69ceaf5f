"""Cut runs of characters that are too long for a library to process in reasonable time."""

import re
from typing import NamedTuple


class LongRuns(NamedTuple):
    """Which runs to cut, and into pieces of which length."""

    pattern: re.Pattern[str]
    n_chars: int
    """Length of a piece in characters."""


def long_runs(characters: str, n_chars: int) -> LongRuns:
    """Runs of more than `n_chars` of `characters`, written as in a character class of a regular expression."""
    # The lookbehind matches only at the start of a run, so a search takes linear time.
    return LongRuns(re.compile(f"(?<![{characters}])[{characters}]{{{n_chars + 1},}}"), n_chars)


def cut_runs(text: str, runs: LongRuns) -> list[str]:
    """The text in pieces, cut within such runs. Only an empty text gives an empty piece."""
    found = [match.span() for match in runs.pattern.finditer(text)]
    cuts = [cut for start, end in found for cut in range(start + runs.n_chars, end, runs.n_chars)]
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
