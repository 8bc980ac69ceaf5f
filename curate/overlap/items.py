"""What is looked for in training sets: held-out documents and task items, with the texts that are compared."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import xxhash

from curate.decontaminate.evals import EvalItem, read_items
from curate.decontaminate.recipe import EvalRecipe
from curate.errors import CurateError
from curate.overlap.recipe import ItemsRecipe
from shards.manifest import MANIFEST_NAME, read_manifest
from shards.read import ShardSet


class OverlapItem(NamedTuple):
    """One item of the set `group`. `key` identifies it in its set: a document's id in hexadecimal, FILE:ROW, or a task's own id."""

    group: str
    key: str
    texts: tuple[str, ...]
    """Texts in which n-grams are looked for separately: question, choices, answer."""
    doc_id: bytes | None = None
    """A document's id; None for items of tasks."""

    @property
    def text(self) -> str:
        """All texts as one."""
        return "\n".join(self.texts)


def text_hash(texts: Iterable[str]) -> str:
    """xxh3-128 of an item's texts, 32 hexadecimal digits: how scores find what is known of their items."""
    return xxhash.xxh3_128_hexdigest("\x1e".join(texts).encode(errors="replace"))


def read_item_sets(sets: dict[str, ItemsRecipe]) -> Iterator[OverlapItem]:
    """All items, set by set. Raises CurateError for a set without items, and as `read_items` does."""
    for name, recipe in sets.items():
        n_items = 0
        for item in _items(name, recipe):
            n_items += 1
            yield item
        if not n_items:
            raise CurateError(f"items {name}: {recipe.path} holds no items; give a documents set or a file with an item a row")


def _items(name: str, recipe: ItemsRecipe) -> Iterator[OverlapItem]:
    path = Path(recipe.path)
    held_out = path / "held_out"
    folder = held_out if (held_out / MANIFEST_NAME).is_file() else path
    if (folder / MANIFEST_NAME).is_file():
        kind = read_manifest(folder).kind
        if kind != "documents":
            raise CurateError(f"items {name}: {folder} is a set of {kind}, which holds no texts; give documents, or the file that the tasks were read from")
        yield from _documents(name, ShardSet(folder, "documents"), recipe.max_documents)
        return
    section = EvalRecipe(path=recipe.path, name=name, format=recipe.format, columns=recipe.columns, header=recipe.header, lines=recipe.lines)
    for item in read_items(section):
        yield OverlapItem(name, item.place, tuple(item.texts))


def _documents(name: str, documents: ShardSet, max_documents: int | None) -> Iterator[OverlapItem]:
    texts: dict[bytes, str] = {}
    for batch in documents.batches(["id", "text"]):
        for doc_id, text in zip(batch.column("id").to_pylist(), batch.column("text").to_pylist(), strict=True):
            texts.setdefault(doc_id, text or "")
    for doc_id in sorted(texts)[:max_documents]:
        yield OverlapItem(name, doc_id.hex(), (texts[doc_id],), doc_id)


def as_eval_sets(items: Iterable[OverlapItem]) -> list[tuple[str, list[EvalItem]]]:
    """Items as `curate.decontaminate` indexes them, in the same order: those of a set must be consecutive."""
    sets: dict[str, list[EvalItem]] = {}
    for item in items:
        sets.setdefault(item.group, []).append(EvalItem(item.key, list(item.texts)))
    return list(sets.items())
