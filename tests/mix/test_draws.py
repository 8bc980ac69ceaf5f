import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.draws import Draws, short_rows
from mix.source_order import Pacing, source_order

ROW = 16


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, ROW) | st.just(ROW), min_size=1, max_size=40),
    st.sampled_from([None, Pacing("sorted", 1, 0.0), Pacing("interleaved", 3, 0.0), Pacing("linear", 4, 0.2)]),
    st.integers(0, 200),
    st.integers(0, 60),
)
def test_tokens_and_draws_equal_a_count_row_by_row(sizes, pacing, start, count):
    sizes, order = np.array(sizes), source_order(len(sizes), 5, pacing)
    draws = Draws(len(sizes), ROW, short_rows(sizes, ROW), order)
    epoch, place = np.divmod(np.arange(start + count), len(sizes))
    lengths = sizes[order.rows_of(place, epoch)] if len(place) else np.empty(0, np.int64)
    assert draws.lengths(start, start + count).tolist() == lengths[start:].tolist()
    assert draws.tokens(start + count) == lengths.sum()
    assert draws.n_tokens == sizes.sum()
    if count:
        before = lengths[:-1].sum()
        for part in (0.0, 0.25, 0.5):
            assert abs(draws.draws(before + part * lengths[-1]) - (len(lengths) - 1 + part)) < 1e-9


def test_an_empty_source_gives_nothing():
    draws = Draws(0, ROW, short_rows(np.empty(0, np.int64), ROW), source_order(0, 1, None))
    assert draws.n_tokens == draws.draws(0.0) == draws.tokens(0) == len(draws.lengths(0, 0)) == 0
