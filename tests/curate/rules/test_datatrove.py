"""Verdicts against datatrove's own filters, on texts put together from all that their rules look at."""

import polars as pl
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import C4ParagraphFilter, C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.c4.lines import C4Rules, c4_lines
from curate.rules.decide import decide, first_reason, load_rules
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter

_SPLITTER = WordSplitter()
_SENTENCES = [
    *[
        "The board of the town has met in the old mill.",
        "Nobody knows why!",
        "Is that so?",
        'He said: "Yes."',
        "So they went home...",
        "It was 3.5 m. high.",
        "(See page 4.)",
    ],
    *[
        "Read more",
        "- a point of the list",
        "• another…",
        "We use cookies.",
        "Enable JavaScript to go on.",
        "Lorem ipsum dolor sit amet.",
        "It returns { x }.",
        "#tag #tag #tag",
    ],
    *[
        "It is here.[1]",
        "And here [2].",
        "Two words.",
        "x" * 1001 + " is too long.",
        "Dr. Smith et al. left. Then, e.g., rain fell.) So",
        "日本語です。はい。",
        "the the the the",
    ],
]
_TEXTS = st.lists(st.tuples(st.sampled_from(_SENTENCES), st.sampled_from([" ", " ", "\n", "\n", "\n\n", "  ", "\r\n", ""])), min_size=1, max_size=40).map(
    lambda parts: "".join(text + gap for text, gap in parts)
)
_LONG = st.lists(st.sampled_from(_SENTENCES[:9]), min_size=10, max_size=40).map("\n".join)


def our_reasons(texts: pa.Array, columns: dict, name: str) -> list[str | None]:
    signals = pl.DataFrame(measure(texts, _SPLITTER)).with_columns(pl.Series(column, values) for column, values in columns.items())
    reasons = first_reason(decide(signals, load_rules(name)), len(texts)).to_list()
    return [reason and reason.split("/")[1] for reason in reasons]


def datatrove_reason(one, document: Document) -> str | None:
    verdict = one.filter(document)
    return None if verdict is True else verdict[1]


@settings(max_examples=100, deadline=None)
@given(text=st.one_of(_TEXTS, _LONG).filter(str.strip))
def test_each_rule_set_gives_datatroves_reason(text: str):
    texts = pa.array([text], pa.large_string())
    sets = {"gopher_repetition": GopherRepetitionFilter(), "gopher_quality": GopherQualityFilter(), "fineweb": FineWebQualityFilter()}
    for name, one in sets.items():
        assert our_reasons(texts, {}, name) == [datatrove_reason(one, Document(text=text, id=""))], name
    assert (our_reasons(texts, {}, "c4_paragraphs") == [None]) == (C4ParagraphFilter().filter(Document(text=text, id="")) is True)


@settings(max_examples=250, deadline=None)
@given(text=_TEXTS, terminal=st.booleans())
def test_c4_gives_datatroves_reason_and_text(text: str, terminal: bool):
    found = c4_lines(pa.array([text], pa.large_string()), C4Rules(filter_no_terminal_punct=terminal))
    document = Document(text=text, id="")
    reason = datatrove_reason(C4QualityFilter(filter_no_terminal_punct=terminal), document)
    assert our_reasons(found.texts, found.columns, "c4") == [reason]
    assert reason is not None or found.texts.to_pylist() == [document.text]
