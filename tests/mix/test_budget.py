import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.budget import Cap, budget, spill
from mix.errors import MixError
from tests.mix.conftest import shares

sizes = st.integers(1, 10**9)


def test_epochs_and_the_largest_total_are_those_of_the_scarcest_source():
    found = budget({"web": 600, "law": 150}, {"web": Cap(1000), "law": Cap(100, 2.0)})
    assert found.epochs == {"web": 0.6, "law": 1.5}
    assert found.limiting == "law" and found.largest_total == pytest.approx(750 * 200 / 150)


def test_a_refusal_names_source_share_size_cap_and_ways_out_that_work():
    caps, asked = {"web": Cap(10**6), "law": Cap(30_000, 4.0)}, {"web": 600_000, "law": 400_000}
    with pytest.raises(MixError) as caught:
        budget(asked, caps)
    assert str(caught.value) == (
        "source law blocks this mix: 40.00% of 1,000,000 tokens is 400,000, but it holds 30,000 × max_epochs 4 = 120,000; "
        "request at most 300,000 tokens in total, or set sources.law.max_epochs to 13.34, or lower its weight, or set cap to spill"
    )
    budget({name: tokens * 0.3 for name, tokens in asked.items()}, caps)
    budget(asked, caps | {"law": Cap(30_000, 13.34)})


def test_a_cap_in_tokens_is_reported_as_max_tokens():
    with pytest.raises(MixError, match=r"but its max_tokens is 50; request at most 100 tokens in total, or set sources.law.max_tokens to 100, or"):
        budget({"web": 100, "law": 100}, {"web": Cap(1000), "law": Cap(1000, 1.0, 50)})


def test_of_several_short_sources_the_shortest_is_named():
    with pytest.raises(MixError, match="source b blocks"):
        budget({"a": 100, "b": 100}, {"a": Cap(50), "b": Cap(10)})


def test_an_empty_source_is_refused_unless_nothing_is_requested_from_it():
    with pytest.raises(MixError, match=r"source law blocks this mix: 50\.00% of 200 tokens is 100, but it holds none"):
        budget({"web": 100, "law": 100}, {"web": Cap(100), "law": Cap(0, 9.0)})
    assert budget({"web": 100, "law": 0}, {"web": Cap(100), "law": Cap(0)}).epochs["law"] == 0


def test_a_request_for_exactly_the_available_tokens_is_feasible():
    assert budget({"web": 3}, {"web": Cap(3)}).epochs == {"web": 1.0}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(sizes, st.floats(0.1, 8), st.floats(0.01, 10)), min_size=1, max_size=6), st.integers(1, 10**9))
def test_the_largest_total_is_feasible_and_no_larger_one_is(sources, total):
    caps = {str(number): Cap(size, epochs) for number, (size, epochs, _) in enumerate(sources)}
    weights = {str(number): weight / sum(source[2] for source in sources) for number, (_, _, weight) in enumerate(sources)}

    def ask(tokens):
        return budget({name: weight * tokens for name, weight in weights.items()}, caps)

    try:
        largest = ask(total).largest_total
    except MixError as error:
        largest = float(str(error).split("request at most ")[1].split(" tokens")[0].replace(",", ""))
        assert largest < total
        if largest < 1:
            return
    ask(largest)
    with pytest.raises(MixError):
        ask(largest * (1 + 1e-6) + 1)


def test_the_tokens_a_capped_source_lacks_are_divided_by_the_others_weights():
    wanted = shares([1000], [[(5, 5), (3, 3), (2, 2)]])
    got, held = spill(wanted, np.array([100.0, np.inf, np.inf]), ["a", "b", "c"])
    assert held.tolist() == [0]
    assert got.cumulative[-1] == pytest.approx([100, 540, 360])


def test_spilling_may_fill_the_next_source_too():
    got, held = spill(shares([1000], [[(5, 5), (3, 3), (2, 2)]]), np.array([100.0, 400.0, 600.0]), ["a", "b", "c"])
    assert held.tolist() == [0, 1]
    assert got.cumulative[-1] == pytest.approx([100, 400, 500])


def test_a_capped_source_keeps_the_course_of_its_share():
    got, _ = spill(shares([1000], [[(0, 1), (1, 1)]]), np.array([100.0, np.inf]), ["a", "b"])
    assert got.begin[0].tolist() == [0, 1] and got.end[0] == pytest.approx([0.2, 0.8])


def test_spilling_needs_a_source_to_spill_to():
    with pytest.raises(MixError, match="only a have weight"):
        spill(shares([10, 10], [[(1, 1), (0, 0)], [(1, 1), (1, 1)]]), np.array([5.0, 100.0]), ["a", "b"])
    with pytest.raises(MixError, match="only a, b have weight"):
        spill(shares([100], [[(1, 1), (1, 1)]]), np.array([5.0, 10.0]), ["a", "b"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9), st.floats(1, 400)), min_size=1, max_size=5))
def test_spilled_shares_sum_to_one_and_keep_every_cap(sources):
    ends = [(first, last) for first, last, _ in sources] + [(1.0, 1.0)]
    caps = np.array([cap for *_, cap in sources] + [np.inf])
    got, held = spill(shares([500, 500], [ends, [(last, first) for first, last in ends]]), caps, [str(number) for number in range(len(ends))])
    assert (got.cumulative[-1] <= caps * (1 + 1e-6)).all()
    assert got.begin.sum(axis=1) == pytest.approx(1) and got.end.sum(axis=1) == pytest.approx(1)
    assert got.cumulative[-1][held] == pytest.approx(caps[held])
