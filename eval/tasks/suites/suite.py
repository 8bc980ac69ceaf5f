"""What a ready suite is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.tasks.suites.contents import Contents

Read = Callable[[Path, Sequence[str]], list[Contents]]
"""Path of the data and the subtasks to read (none: all), to the tasks of the suite. Raises EvalError."""


@dataclass(frozen=True)
class Suite:
    """A benchmark that is read from files as published."""

    name: str
    measures: str
    reads: str
    """Files that are understood, as published."""
    get: str
    """How to get them, in one line."""
    n_items: int | None
    """Items that are published in the scored split; None where that depends on the files."""
    read: Read
    shots: int = 0
    """Examples that its stock task in lm-evaluation-harness has."""
