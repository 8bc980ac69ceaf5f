import numpy as np
import pytest

from mix.fit.trivial import linear, mean, nearest
from tests.mix.fit.tables import rows_of


def split(rows, n):
    return rows.evidence.take(np.arange(n)), rows.evidence.take(np.arange(n, len(rows.steps)))


def test_the_nearest_shares_are_carried_over_and_equally_near_ones_averaged():
    known, wanted = split(rows_of([0.1, 0.3, 0.9, 0.9, 0.2, 0.8], [1, 3, 7, 9, 0, 0]), 4)
    assert nearest(known, wanted).tolist() == [2.0, 8.0]


def test_an_earlier_step_of_the_run_comes_before_others_and_the_last_one_before_earlier_ones():
    rows = rows_of([0.5] * 5, [5, 4, 3, 2.9, 0], run=[0, 0, 0, 1, 0], tokens=[1, 2, 3, 4, 4])
    assert nearest(*split(rows, 4)).tolist() == [3.0]


def test_among_equal_shares_the_nearest_size_is_carried_over_and_then_the_nearest_tokens():
    rows = rows_of([0.5] * 5, [9, 8, 7, 6, 0], parameters=[1e8, 1e9, 1e9, 1e9, 4e9], tokens=[8, 1, 2, 16, 10])
    assert nearest(*split(rows, 4)).tolist() == [6.0]


def test_the_mean_is_the_mean():
    assert mean(*split(rows_of([0.1, 0.3, 0.9], [1, 3, 0]), 2)).tolist() == [2.0]


def test_a_line_in_the_share_log_size_and_log_tokens_is_found_exactly():
    random = np.random.default_rng(0)
    share, size, tokens = random.random(12), 10 ** random.uniform(8, 10, 12), 10 ** random.uniform(9, 11, 12)
    losses = 1 + 2 * share - 0.3 * np.log(size) - 0.1 * np.log(tokens)
    known, wanted = split(rows_of(share, losses, parameters=size, tokens=tokens), 10)
    assert linear(known, wanted) == pytest.approx(wanted.losses, abs=1e-9)


def test_a_line_through_fewer_runs_than_coefficients_goes_through_them():
    known, wanted = split(rows_of([0.5, 0.7, 0.6], [2, 3, 0], parameters=[1e8, 2e8, 1.5e8]), 2)
    assert 2 < linear(known, wanted)[0] < 3 and linear(known, known) == pytest.approx(known.losses)
