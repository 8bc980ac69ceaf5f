import re
import time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.rewrite.pii.find import count_pii, find_pii, replace_pii
from curate.rewrite.pii.kinds import DATATROVE_PLACEHOLDERS, KINDS, PLACEHOLDERS
from tests.curate.rewrite.pii.finds import found, replaced


def test_each_match_gets_its_placeholder_and_the_rest_of_the_text_stays():
    assert replaced("é jo@example.com, ü +1 212 736 5000.", "", "ok") == ["é <EMAIL>, ü <PHONE>.", "", "ok"]


def test_datatroves_placeholders_are_given_in_turn_within_each_document():
    first, second = DATATROVE_PLACEHOLDERS["email"]
    texts = ("a@x.com b@x.com c@x.com", "d@x.com")
    assert replaced(*texts, placeholders=DATATROVE_PLACEHOLDERS) == [f"{first} {second} {first}", first]


def test_of_overlapping_matches_one_counts():
    assert found("2127365000@example.com") == [("email", "2127365000@example.com")]
    assert found("Phone 4111 1111 1111 1111") == [("card", "4111 1111 1111 1111")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("0123456789 -.()+/@:abcdexyzé\n,"), max_size=60), max_size=4))
@example(["1" * 4000, "1 " * 500, "(" * 50 + "1" * 20])
def test_any_text_keeps_what_is_not_replaced(texts):
    column = pa.array(texts, pa.large_string())
    pii = find_pii(column, KINDS)
    marks = {kind: (f"\x00{kind}\x00",) for kind in KINDS}
    out = replace_pii(column, pii, marks).to_pylist()
    for doc, text in enumerate(texts):
        kept = re.split("\x00[a-z]+\x00", out[doc])
        mine = pii.doc == doc
        edges = [0, *(edge for span in zip(pii.start[mine], pii.end[mine], strict=True) for edge in span), len(text.encode())]
        assert kept == [text.encode()[edges[i] : edges[i + 1]].decode() for i in range(0, len(edges), 2)]
    assert sum(counts.sum() for counts in count_pii(pii, len(texts)).values()) == len(pii.doc)


def test_a_text_is_treated_alike_alone_and_in_a_batch_or_slice():
    texts = ["jo@example.com", "call +44 20 7946 0018", "x" * 50, "81.2.69.160"]
    column = pa.array(["skip@example.com", *texts], pa.large_string())[1:]
    assert replace_pii(column, find_pii(column, KINDS), PLACEHOLDERS).to_pylist() == [replaced(text)[0] for text in texts]


def test_matches_that_overlap_in_a_long_chain_are_chosen_one_by_one():
    chain = "".join(f"n{i}.com@" for i in range(3000)) + "end.org"
    finds = found(chain)
    assert finds == [("email", f"n{i}.com@n{i + 1}.com") for i in range(0, 2999, 2)]
    assert replaced("x@" + chain)[0].count("<EMAIL>") == 1501


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["-eyJ", "é AKIAABCDEFGHIJKLMNOP ", "b.com@", "apikey   ", "-----BEGIN A A "])
def test_a_megabyte_takes_seconds(piece: str):
    texts = pa.array(["AKIAABCDEFGHIJKLMNOP " + piece * (1_000_000 // len(piece.encode()))], pa.large_string())
    find_pii(pa.array(["warm up AKIAABCDEFGHIJKLMNOP"], pa.large_string()))
    start = time.process_time()
    find_pii(texts)
    assert time.process_time() - start < 30
