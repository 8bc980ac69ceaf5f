"""Texts and helpers for slow readings of the dialects of Gopher."""

import random
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest

from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from tests.curate.web_like import documents

_EXTRA = [
    "",
    " ",
    "\n",
    "one",
    "- * -\n* x…\n\n\n● y. . .\n• z...\n-",
    ". . . . . ....... #…",
    "\0the\0The THE\u2028with\u3000of 1a ¡a",
    "a b\n\na b\n\n \n\na  b\n",
    "x\n\n\ny\n\n",
]


def texts() -> list[str]:
    rng = random.Random(5)
    repetitive = [" ".join(rng.choices(["the", "of", "mill", "a", "be,", "…"], k=rng.randint(1, 60))) for _ in range(60)]
    return [*_EXTRA, *repetitive, *documents(120, seed=6)]


def share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def copied(parts: list[str]) -> list[str]:
    counts = Counter(parts)
    return [part for part in parts if counts[part] > 1]


def chars(parts) -> int:
    return sum(map(len, parts))


def runs(words: list[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[k:] for k in range(n)), strict=False))


def check_dialect(group: str, slow: Callable[[str], dict[str, float]]) -> None:
    """The signals of a group are exactly those of a slow reading of the project's definitions."""
    measured = measure(pa.array(texts(), pa.large_string()), WordSplitter(), [group]).to_pylist()
    for text, row in zip(texts(), measured, strict=True):
        assert row == pytest.approx(slow(text), rel=0, abs=0, nan_ok=True), text
