import numpy as np
import pytest

from mix.errors import MixError
from mix.fit.errors import HeldOut, predict_held_out
from mix.fit.splits import splits_of
from mix.fit.trivial import mean
from tests.mix.fit.tables import rows_of


def test_repeated_seeds_do_not_make_a_ratio_count_more():
    errors = HeldOut(np.array([2.0, 2.0, 2.0, 4.0]), np.array([3.0, 3.0, 3.0, 4.0]), np.array([0, 0, 0, 1]), 2)
    assert errors.by_ratio.tolist() == [1.0, 0.0] and errors.mean_absolute == 0.5
    assert errors.root_mean_square == pytest.approx(np.sqrt(0.75)) and errors.percent == pytest.approx(37.5)
    assert errors.standard_error == pytest.approx(0.5)


def test_ranks_are_compared_from_eight_ratios_on():
    observed = np.arange(8.0)
    assert HeldOut(observed, observed**2, np.arange(8), 8).rank_correlation == pytest.approx(1)
    assert HeldOut(observed[:7], observed[:7], np.arange(7), 7).rank_correlation is None
    assert HeldOut(observed, np.ones(8), np.arange(8), 8).rank_correlation is None


def test_a_fold_predicts_its_rows_from_the_usable_rows_of_the_others():
    rows = rows_of([0.1, 0.1, 0.5, 0.9], [7, 1, 2, 3], run=[0, 0, 1, 2], steps=[1, 2, 2, 2])
    errors = predict_held_out(mean, rows, splits_of(rows, 0)["ratio"], rows.usable(False))
    assert errors.observed.tolist() == [1, 2, 3] and errors.predicted.tolist() == [2.5, 2.0, 1.5]
    assert predict_held_out(mean, rows, splits_of(rows, 0)["ratio"], rows.usable(True)).predicted[1] == pytest.approx(11 / 3)


def test_predictions_that_are_not_finite_are_an_error_of_the_law():
    rows = rows_of([0.1, 0.5, 0.9], [1, 2, 3])
    with pytest.raises(MixError, match="predicts no finite loss for 1 of 1 rows of fold 1"):
        predict_held_out(lambda known, wanted: np.full(len(wanted), np.nan), rows, splits_of(rows, 0)["ratio"], rows.usable(False))
