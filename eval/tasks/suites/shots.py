"""Worked examples before each question, laid out as lm-evaluation-harness does: description, examples with their answers, question."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from eval.errors import EvalError
from eval.tasks.items import Item
from eval.tasks.suites.contents import Contents
from eval.tasks.suites.sample import order_key, sample

_BETWEEN = "\n\n"


def with_examples(contents: Contents, n_shots: int, delimiter: str, limit: int | None, seed: int, where: str) -> list[Item]:
    """A sample of at most `limit` items, with description and `n_shots` examples in their contexts; all items of a subtask have the same examples.

    Examples come from another split. If the files have none, they are taken from the items, which then are not scored. An example is never equal to a
    scored item. Raises EvalError, beginning with `where`, if there are too few.
    """
    items = list(contents.items)
    shots: dict[str | None, list[Item]] = defaultdict(list)
    if n_shots:
        others = list(contents.examples())
        shots = _from_split(items, others, n_shots, seed, in_order=contents.in_order) if others else _from_items(items, n_shots, seed)
        taken = {example.id for examples in shots.values() for example in examples} if not others else set()
        items = [item for item in items if item.id not in taken]
        for subtask in sorted({item.subtask for item in contents.items}, key=str):
            if len(shots[subtask]) < n_shots or all(item.subtask != subtask for item in items):
                name = f" {subtask}" if subtask else ""
                usable = len(shots[subtask])
                raise EvalError(f"{where}{name}: {usable} questions can serve as examples, shots is {n_shots}; lower it, or add the training split")
    prefixes = {item.subtask: contents.descriptions.get(item.subtask, "") + _worked(shots[item.subtask], delimiter) for item in items}
    return [_after(item, prefixes[item.subtask]) for item in sample(items, limit, seed)]


def _from_split(items: Sequence[Item], others: Sequence[Item], n_shots: int, seed: int, *, in_order: bool) -> dict[str | None, list[Item]]:
    scored = {(item.context, item.contexts, item.choices) for item in items}
    shots: dict[str | None, list[Item]] = defaultdict(list)
    for example in others if in_order else sorted(others, key=lambda example: order_key(example, seed)):
        if len(shots[example.subtask]) < n_shots and (example.context, example.contexts, example.choices) not in scored:
            shots[example.subtask].append(example)
    return shots


def _from_items(items: Sequence[Item], n_shots: int, seed: int) -> dict[str | None, list[Item]]:
    shots: dict[str | None, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: order_key(item, seed)):
        if len(shots[item.subtask]) < n_shots:
            shots[item.subtask].append(item)
    return shots


def _worked(examples: Sequence[Item], delimiter: str) -> str:
    return "".join(example.context_of(example.gold) + delimiter + example.choices[example.gold] + _BETWEEN for example in examples)


def _after(item: Item, prefix: str) -> Item:
    if not prefix:
        return item
    contexts = tuple(prefix + context for context in item.contexts) if item.contexts is not None else None
    return replace(item, context=prefix + item.context, contexts=contexts)
