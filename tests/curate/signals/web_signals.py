"""Signals and verdicts of texts, with the rule sets of FineWeb."""

from collections.abc import Callable
from functools import cache

import polars as pl
import pyarrow as pa
import pytest

from curate.rules.decide import decide, first_reason, load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter
from tests.curate.web_like import documents

RULE_SETS = ("gopher_repetition", "gopher_quality", "fineweb")


@cache
def splitter() -> WordSplitter:
    return WordSplitter()


def signals(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(measure(pa.array(texts, pa.large_string()), splitter()))


def our_reasons(texts: list[str]) -> list[str | None]:
    measured = signals(texts)
    verdicts = pl.concat([decide(measured, load_rules(name)) for name in RULE_SETS]).sort("row", maintain_order=True)
    return first_reason(verdicts, len(texts)).to_list()


def repeats(parts: list[str]) -> list[str]:
    return [part for place, part in enumerate(parts) if part in parts[:place]]


def chars(parts: list[str]) -> int:
    return sum(map(len, parts))


def check_definitions(slow: Callable[[str], dict[str, float]]) -> None:
    """The signals of made-up documents are exactly those of a slow reading of their definitions."""
    texts = [text for text in documents(250, seed=7) if text]
    measured = signals(texts)
    expected = pl.DataFrame([slow(text) for text in texts], schema_overrides={"mean_word_chars": pl.Float64})
    for name in expected.columns:
        assert measured[name].cast(pl.Float64).to_list() == pytest.approx(expected[name].cast(pl.Float64).to_list(), rel=0, abs=0, nan_ok=True), name
