"""Tasks and their items: what every suite gives, and what every model is asked.

The text that a model reads is written out in the item: instructions, few-shot examples and question stand in its context. What it is scored on is
`delimiter + choice`, exactly as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.errors import EvalError
from shards.record import json_hash

Kind = Literal["choice", "continuation", "generate"]


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `choices` are answers without the delimiter before them; `gold` is the index of the right one.

    `contexts`, if given, holds a context for each choice, as in WinoGrande, where the choices stand in the context and the continuation is always the
    same; `context` is then not used. `group` names items that are not independent (questions on one passage): intervals resample whole groups.
    `subtask` is the subject, paradigm or language, over which a suite takes a mean of means.
    """

    id: str
    context: str
    choices: tuple[str, ...]
    gold: int
    contexts: tuple[str, ...] | None = None
    group: str | None = None
    subtask: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def context_of(self, choice: int) -> str:
        """The text before choice number `choice`."""
        return self.contexts[choice] if self.contexts is not None else self.context


@dataclass(frozen=True, slots=True)
class Task:
    """Items that are scored in the same way.

    Kinds: in `choice` the most likely choice counts; in `continuation` there is one choice, which counts as right if greedy decoding would give it;
    in `generate` the model writes an answer, which the harness compares with the right one, and the only choice is a written-out right answer.
    """

    name: str
    suite: str
    kind: Kind
    items: tuple[Item, ...]
    delimiter: str = " "
    """Text between context and choice; `acc_norm` doesn't count its characters."""
    accuracy: Literal["acc", "acc_norm", "exact_match"] = "acc"
    """The accuracy that is usually published for this task. `exact_match` is the one of generated answers."""
    generation: Mapping[str, Any] = field(default_factory=dict)
    """Only for `generate`: the harness's keys `generation_kwargs`, `filter_list`, `metric_list`."""
    shots: int = 0
    """Examples that stand in each context."""
    source: Mapping[str, Any] = field(default_factory=dict)
    """Which files the items were read from, for the record."""

    def item_hash(self, item: Item) -> str:
        """xxh3-128 of all that a model is asked, and what counts as right: equal hashes, equal questions."""
        return json_hash([self.kind, self.delimiter, item.contexts or [item.context], item.choices, item.gold, self.generation])


def check_task(task: Task) -> Task:
    """The task itself. Raises EvalError for the first item that cannot be scored: no choices, an empty one, a right answer that is not among them, an
    id that appears twice; and for a task without items."""
    where = f"task {task.name}"
    if not task.items:
        raise EvalError(f"{where}: it holds no items; check the files of suite {task.suite}")
    seen: set[str] = set()
    for item in task.items:
        problem = _problem(item, task.kind)
        if item.id in seen:
            problem = "its id appears twice; give every item an id of its own"
        if problem:
            raise EvalError(f"{where}, item {item.id}: {problem}")
        seen.add(item.id)
    return task


def _problem(item: Item, kind: Kind) -> str | None:
    if not item.choices:
        return "it has no choices; list at least two answers, or one continuation"
    if any(not choice for choice in item.choices):
        return "one of its choices is empty; write it out, or leave the item out"
    if not 0 <= item.gold < len(item.choices):
        return f"its gold answer is number {item.gold}, but its {len(item.choices)} choices are counted from 0 to {len(item.choices) - 1}"
    if kind == "choice" and len(item.choices) < 2:
        return "it has one choice, so it would always be right; list at least two answers"
    if kind != "choice" and len(item.choices) > 1:
        return f"it has {len(item.choices)} choices, but tasks of kind {kind} have one, the right answer"
    if any(_is_broken(text) for text in (item.id, item.context, *item.choices, *(item.contexts or ()))):
        return "its text is not valid Unicode (an unpaired surrogate); mend it, or leave the item out"
    if item.contexts is not None and len(item.contexts) != len(item.choices):
        return f"it has {len(item.contexts)} contexts for {len(item.choices)} choices; give one for each"
    return None


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
