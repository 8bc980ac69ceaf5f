import pytest

from mix.budget import budget
from mix.errors import MixError


def test_epochs_and_the_largest_total_are_those_of_the_scarcest_source():
    found = budget({"web": 1000, "law": 100}, {"web": 600, "law": 150}, {"web": 1.0, "law": 2.0})
    assert found.epochs == {"web": 0.6, "law": 1.5}
    assert found.limiting == "law" and found.largest_total == pytest.approx(750 * 200 / 150)


def test_a_refusal_names_source_share_size_cap_and_two_ways_out_that_work():
    available, asked, caps = {"web": 10**6, "law": 30_000}, {"web": 600_000, "law": 400_000}, {"web": 1.0, "law": 4.0}
    with pytest.raises(MixError) as caught:
        budget(available, asked, caps)
    assert str(caught.value) == (
        "source law blocks this mix: 40.00% of 1,000,000 tokens is 400,000, but it holds 30,000 × max_epochs 4 = 120,000; "
        "ask for at most 300,000 tokens in all, or set sources.law.max_epochs to 13.34, or give it less weight"
    )
    budget(available, {name: tokens * 0.3 for name, tokens in asked.items()}, caps)
    budget(available, asked, caps | {"law": 13.34})


def test_of_several_short_sources_the_shortest_is_named():
    with pytest.raises(MixError, match="source b blocks"):
        budget({"a": 50, "b": 10}, {"a": 100, "b": 100}, {"a": 1.0, "b": 1.0})


def test_an_empty_source_is_refused_unless_nothing_is_asked_of_it():
    with pytest.raises(MixError, match=r"source law blocks this mix: 50\.00% of 200 tokens is 100, but it holds none"):
        budget({"web": 100, "law": 0}, {"web": 100, "law": 100}, {"web": 1.0, "law": 9.0})
    assert budget({"web": 100, "law": 0}, {"web": 100, "law": 0}, {"web": 1.0, "law": 1.0}).epochs["law"] == 0


def test_exactly_what_there_is_can_be_had():
    assert budget({"web": 3}, {"web": 3}, {"web": 1.0}).epochs == {"web": 1.0}
