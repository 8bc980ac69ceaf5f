"""Prepares examples for training, by the hash of their text: drops duplicates and contradictions, holds out a share, sorts."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.errors import CurateError
from curate.models.classifier import TextForm

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Examples:
    """`texts` (n,) large_string, prepared; `classes` (n,) int64, indices into `labels`; `held_out` (n,) bool. Sorted by hash.

    `given` counts the texts read per label. `copies` (duplicates), `ambiguous`, `rare`, `surplus` and `unlabelled` count those left out.
    """

    texts: pa.Array
    classes: np.ndarray
    held_out: np.ndarray
    labels: tuple[str, ...]
    given: dict[str, int]
    copies: int
    ambiguous: int
    rare: int
    surplus: int
    unlabelled: int


def make_examples(
    batches: Iterable[pa.RecordBatch],
    form: TextForm,
    labels: tuple[str, ...],
    held_out: float,
    seed: int,
    max_per_class: int | None = None,
    min_per_class: int = 1,
) -> Examples:
    """Examples from batches of `text` and `label`. `labels` come first, other labels follow by name.

    Duplicates and texts with two labels are dropped, then classes with fewer than `min_per_class` examples. Raises CurateError if fewer than
    two classes remain, or if a class has no training example or no held-out one.
    """
    table = pa.Table.from_batches(batches)
    unlabelled = table["label"].null_count
    table = table.filter(pc.is_valid(table["label"]))
    names = (*labels, *sorted(set(pc.unique(table["label"]).to_pylist()) - set(labels)))
    spaced = next((name for name in names if not name or name.split() != [name]), None)
    if spaced is not None:
        table = table.set_column(1, "label", pc.replace_substring_regex(table["label"], r"\s+", "_"))
        names = tuple(dict.fromkeys("_".join(name.split()) for name in names))
    classes = pc.index_in(table["label"], pa.array(names)).to_numpy().astype(np.int64)
    texts = form.apply(table["text"].combine_chunks())
    keys = np.array([xxhash.xxh3_64_intdigest(text.as_buffer(), seed) for text in texts], dtype=np.uint64)
    chosen, copies, ambiguous = _distinct(keys, classes)
    names, chosen, classes, rare = _frequent(names, chosen, classes, min_per_class)
    kept = chosen if max_per_class is None else _first_of_each(chosen, classes, max_per_class)
    # The hash is scrambled again: `max_per_class` keeps the smallest hashes, which must not be the held-out ones.
    is_held_out = (keys[kept] * _SPREAD) < np.uint64(min(int(held_out * 2.0**64), 2**64 - 1))
    given = {name: int((classes == number).sum()) for number, name in enumerate(names)}
    examples = Examples(texts.take(pa.array(kept)), classes[kept], is_held_out, names, given, copies, ambiguous, rare, len(chosen) - len(kept), unlabelled)
    _require_both_sides(examples)
    return examples


def _distinct(keys: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, int, int]:
    """One row of each text, sorted by hash; the number of duplicates; the number of rows whose text has several labels, which are dropped."""
    order = np.lexsort((np.arange(len(keys)), classes, keys))
    same_text = np.append(False, keys[order][1:] == keys[order][:-1])
    text_number = np.cumsum(~same_text) - 1
    low, high = np.full(len(order), np.iinfo(np.int64).max), np.full(len(order), -1, np.int64)
    np.minimum.at(low, text_number, classes[order])
    np.maximum.at(high, text_number, classes[order])
    has_one_label = (low == high)[text_number]
    return order[has_one_label & ~same_text], int((has_one_label & same_text).sum()), int((~has_one_label).sum())


def _frequent(names: tuple[str, ...], chosen: np.ndarray, classes: np.ndarray, least: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, int]:
    """Names, chosen rows and classes without rare classes (-1 for rows of those), and the number of chosen rows dropped."""
    is_kept = np.bincount(classes[chosen], minlength=len(names)) >= least
    number = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    classes = number[classes]
    kept = chosen[classes[chosen] >= 0]
    return tuple(name for name, keep in zip(names, is_kept, strict=True) if keep), kept, classes, len(chosen) - len(kept)


def _first_of_each(rows: np.ndarray, classes: np.ndarray, most: int) -> np.ndarray:
    keep = np.zeros(len(rows), dtype=bool)
    for number in np.unique(classes[rows]):
        keep[np.flatnonzero(classes[rows] == number)[:most]] = True
    return rows[keep]


def _require_both_sides(examples: Examples) -> None:
    present = [name for number, name in enumerate(examples.labels) if (examples.classes == number).any()]
    if len(present) < 2:
        raise CurateError(f"a classifier needs examples of two classes; found: {', '.join(present) or 'none'}")
    for number, name in enumerate(examples.labels):
        inside = examples.held_out[examples.classes == number]
        if inside.all() or not inside.any():
            raise CurateError(
                f"class {name}: {len(inside)} distinct examples, {int(inside.sum())} of them held out; "
                "training and report need at least one each: give more texts, or another held_out share or seed"
            )
