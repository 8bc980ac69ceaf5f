"""Fixed random samples of items, the same share of every subtask."""

from collections.abc import Sequence

from eval.tasks.items import Item
from shards.record import json_hash


def sample(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """At most `limit` items, in their order: of each subtask those whose hash of text and seed is smallest. A larger limit keeps the items of a smaller one.

    Every subtask gets its proportional share, rounded down; the remaining places go one each to the subtasks with the largest remainders, in order of name.
    """
    if limit is None or len(items) <= limit:
        return list(items)
    by_subtask: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        by_subtask.setdefault(item.subtask or "", []).append(number)
    kept: list[int] = []
    for name, share in _shares({name: len(numbers) for name, numbers in by_subtask.items()}, limit).items():
        kept += sorted(by_subtask[name], key=lambda number: order_key(items[number], seed))[:share]
    return [items[number] for number in sorted(kept)]


def order_key(item: Item, seed: int) -> tuple[str, str]:
    """Sorts items in a random order that depends on their text and the seed alone."""
    return json_hash([seed, item.context, item.contexts, item.choices]), item.id


def _shares(sizes: dict[str, int], limit: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {name: size * limit // total for name, size in sizes.items()}
    for name in sorted(sizes, key=lambda name: (-(sizes[name] * limit % total), name))[: limit - sum(shares.values())]:
        shares[name] += 1
    return shares
