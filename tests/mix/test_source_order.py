import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.source_order import Pacing, phases, source_order

PACINGS = ["sorted", "groups", "linear", "quadratic", "inverse_quadratic", "interleaved"]
orders = st.none() | st.builds(Pacing, st.sampled_from(PACINGS), st.integers(1, 30), st.floats(0, 1), st.floats(0.01, 1))


def epoch_of(n_rows, order, epoch=0, key=7):
    return source_order(n_rows, key, order).rows_of(np.arange(n_rows), np.full(n_rows, epoch))


def an_order(pacing, *, groups=10, start=0.1):
    return Pacing(pacing, groups, start)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 300), orders, st.integers(0, 1 << 40), st.integers(0, (1 << 64) - 1))
def test_every_order_gives_every_row_once_in_every_epoch_and_can_be_inverted(n_rows, order, epoch, key):
    found = source_order(n_rows, key, order)
    places, epochs = np.arange(n_rows), np.full(n_rows, epoch)
    rows = found.rows_of(places, epochs)
    assert np.array_equal(np.sort(rows), places)
    assert np.array_equal(found.positions_of(rows, epochs), places)


@pytest.mark.parametrize("pacing", PACINGS)
def test_orders_work_at_any_size(pacing):
    found = source_order(10**14, 3, an_order(pacing))
    places = np.random.default_rng(0).integers(0, 10**14, 1000)
    epochs = np.arange(1000)
    assert np.array_equal(found.positions_of(found.rows_of(places, epochs), epochs), places)


def test_sorted_is_from_first_to_last_in_every_epoch():
    assert epoch_of(5, an_order("sorted")).tolist() == epoch_of(5, an_order("sorted"), epoch=3).tolist() == [0, 1, 2, 3, 4]


def test_interleaved_passes_go_through_the_whole_range_each():
    assert epoch_of(7, an_order("interleaved", groups=3)).tolist() == [0, 3, 6, 1, 4, 2, 5]
    assert epoch_of(2, an_order("interleaved", groups=5)).tolist() == [0, 1]


def test_groups_come_one_after_another_and_are_shuffled_differently_in_each_epoch():
    first, second = epoch_of(1000, an_order("groups")), epoch_of(1000, an_order("groups"), epoch=1)
    for order in (first, second):
        assert (order.reshape(10, 100) // 100 == np.arange(10)[:, None]).all()
        assert abs(np.corrcoef(order[:100], np.arange(100))[0, 1]) < 0.4
    assert (first == second).sum() < 40


def open_part(pacing, start, n_rows=10_000, groups=100):
    """Largest row met so far, as a part of all, at each tenth of the epoch."""
    return np.maximum.accumulate(epoch_of(n_rows, an_order(pacing, groups=groups, start=start)))[999::1000] / n_rows


@pytest.mark.parametrize("pacing, f", [("linear", lambda x: x), ("quadratic", np.square), ("inverse_quadratic", lambda x: 1 - np.square(1 - x))])
def test_paces_open_the_fraction_of_the_rows_that_their_formula_gives(pacing, f):
    x = np.arange(1, 11) / 10
    assert open_part(pacing, 0.5) == pytest.approx(0.5 + 0.5 * f(x), abs=0.02)


def test_pacing_accelerates_where_it_opens_fewer_rows_than_are_drawn():
    assert open_part("quadratic", 0.0) == pytest.approx(np.arange(1, 11) / 10, abs=0.02)


def test_open_rows_are_equally_likely():
    order = epoch_of(10_000, an_order("inverse_quadratic", start=0.5))
    # Half of the rows are open at first; of the first tenth drawn, each open group gives its fifth.
    early = np.bincount(order[:500] // 1000, minlength=10)
    assert early[:5].min() > 60 and early[6:].sum() < 60


def test_phases_count_every_row_of_every_group():
    found = phases(10**6 + 3, an_order("linear", start=0.3))
    assert found.counts.sum() == 10**6 + 3 and (found.counts >= 0).all()
    assert found.counts.sum(axis=0).tolist() == np.diff(np.arange(11) * (10**6 + 3) // 10).tolist()


@pytest.mark.parametrize("pacing", ["groups", "linear"])
def test_a_part_of_an_epoch_is_ordered_with_a_sample_of_every_group_and_the_rest_is_random(pacing):
    order = epoch_of(10_000, Pacing(pacing, 10, 0.3, 0.2))
    first, rest = order[:2000] // 1000, order[2000:] // 1000
    assert np.bincount(first).tolist() == [200] * 10
    if pacing == "groups":
        assert (np.diff(first) >= 0).all()
    assert abs(np.corrcoef(rest, np.arange(8000))[0, 1]) < 0.05
