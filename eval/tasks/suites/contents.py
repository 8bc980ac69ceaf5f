"""What the reader of a suite gives: questions without examples, and the questions that may serve as examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.tasks.items import Item, Kind

Examples = Callable[[], Sequence[Item]]


def _none() -> Sequence[Item]:
    return ()


@dataclass(frozen=True)
class Contents:
    """Questions of one task.

    `items` are the questions as asked without examples. `examples` reads those of another split, only when they are needed; `in_order`: examples are the
    first of that split, otherwise a fixed random choice. `descriptions` is the text before everything else, by subtask. `name` tells the tasks of a suite
    apart that has several. The other fields are those of a `Task`.
    """

    items: Sequence[Item]
    examples: Examples = _none
    in_order: bool = False
    descriptions: Mapping[str | None, str] = field(default_factory=dict)
    name: str = ""
    kind: Kind = "choice"
    delimiter: str = " "
    accuracy: Literal["acc", "acc_norm", "exact_match"] = "acc"
    generation: Mapping[str, Any] = field(default_factory=dict)
    shots: int = 0
    """Examples that stand in the contexts already."""
