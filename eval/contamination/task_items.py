"""Task items as they are looked for in training sets: the question and the right answer, without what all items of a task share."""

from collections.abc import Sequence

from curate.overlap.items import OverlapItem
from eval.tasks.items import Item, Task

_FEWEST_SHARING = 5
"""Fewest items of a subject for which a common beginning counts as instructions and examples. Fewer may share a passage."""


def task_items(task: Task) -> list[OverlapItem]:
    """Texts of each item, in the order of the task: its question, then the right answer.

    Instructions and examples at the beginning of the contexts of a subject say nothing about one item, so the longest common beginning is left out, up to
    the last line or word that is whole.
    """
    beginnings = _beginnings(task.items)
    found = []
    for item in task.items:
        context = item.context_of(item.gold)
        question = context[beginnings.get(item.subtask, 0) :]
        found.append(OverlapItem(task.name, item.id, tuple(text for text in (question, item.choices[item.gold]) if text.strip())))
    return found


def _beginnings(items: Sequence[Item]) -> dict[str | None, int]:
    """Characters of the common beginning of contexts, by subject."""
    contexts: dict[str | None, list[str]] = {}
    for item in items:
        contexts.setdefault(item.subtask, []).append(item.context_of(item.gold))
    lengths = {}
    for subject, texts in contexts.items():
        if len(texts) >= _FEWEST_SHARING:
            common = _common_beginning(min(texts), max(texts))
            lengths[subject] = max(common.rfind("\n"), common.rfind(" ")) + 1
    return lengths


def _common_beginning(first: str, last: str) -> str:
    """What two texts begin with; of the first and the last in alphabetical order, what all begin with."""
    return first[: next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))]
