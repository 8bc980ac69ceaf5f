import polars as pl
import pyarrow as pa
import pytest

from curate.signals import measure as measure_module
from curate.signals.groups import signal_names
from curate.signals.measure import measure
from tests.curate.signals.web_signals import our_reasons, signals, splitter
from tests.curate.web_like import documents


def test_an_empty_text_has_zero_counts_and_no_ratios():
    (row,) = signals([None]).rows(named=True)
    assert row["n_words"] == row["n_chars"] == row["n_lines"] == 0
    assert [name for name, value in row.items() if name.endswith("ratio") and value == value] == []
    assert our_reasons([""]) == ["gopher_quality/gopher_short_doc"]


def test_no_texts_give_all_columns_and_no_rows():
    measured = signals([])
    assert measured.height == 0
    assert measured.columns == signal_names()
    assert measured.schema == signals(["some text"]).schema


def test_a_document_is_measured_the_same_alone_sliced_and_among_others(monkeypatch: pytest.MonkeyPatch):
    texts = documents(40, seed=9)
    together = signals(texts)
    assert together.equals(pl.concat([signals([text]) for text in texts]), null_equal=True)
    sliced = measure(pa.array(["", *texts, "more"], pa.string()).slice(1, len(texts)), splitter())
    assert pl.DataFrame(sliced).equals(together)
    monkeypatch.setattr(measure_module, "BLOCK_BYTES", 300)
    assert signals(texts).equals(together)
