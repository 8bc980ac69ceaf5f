import numpy as np

from mix.fit.splits import splits_of
from tests.mix.fit.tables import rows_of


def test_each_ratio_is_left_out_once_with_all_its_seeds():
    rows = rows_of([0.1, 0.5, 0.1, 0.9], [1, 2, 3, 4])
    folds = splits_of(rows, 0)["ratio"].folds
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in folds] == [([1, 3], [0, 2]), ([0, 2, 3], [1]), ([0, 1, 2], [3])]


def test_many_ratios_are_left_out_in_ten_groups_drawn_with_the_seed():
    rows = rows_of(np.linspace(0, 1, 35), np.ones(35))
    first, again, other = (splits_of(rows, seed)["ratio"].folds for seed in (0, 0, 1))
    assert len(first) == 10 and sorted(np.concatenate([fold.test for fold in first])) == list(range(35))
    assert all(not set(fold.train) & set(fold.test) for fold in first)
    assert [fold.test.tolist() for fold in first] == [fold.test.tolist() for fold in again] != [fold.test.tolist() for fold in other]


def test_two_ratios_are_too_few_to_leave_one_out():
    assert "ratio" not in splits_of(rows_of([0.1, 0.5, 0.1], [1, 2, 3]), 0)


def test_ratios_are_tested_at_the_end_of_each_run_and_no_step_of_a_held_out_ratio_is_trained_on():
    rows = rows_of([0.1, 0.1, 0.5, 0.5, 0.9], [1, 2, 3, 4, 5], run=[0, 0, 1, 1, 2], steps=[10, 20, 10, 20, 20])
    fold = splits_of(rows, 0)["ratio"].folds[0]
    assert fold.train.tolist() == [2, 3, 4] and fold.test.tolist() == [1]


def test_the_largest_size_is_held_out():
    rows = rows_of([0.1, 0.5, 0.1, 0.5], [1, 2, 3, 4], parameters=[1e8, 1e8, 1e9, 1.001e9])
    (fold,) = splits_of(rows, 0)["size"].folds
    assert fold.train.tolist() == [0, 1] and fold.test.tolist() == [2, 3]


def test_one_size_and_unknown_sizes_are_not_split():
    assert "size" not in splits_of(rows_of([0.1, 0.5], [1, 2], parameters=[1e8, 1e8]), 0)
    assert "size" not in splits_of(rows_of([0.1, 0.5], [1, 2], parameters=[1e8, np.nan]), 0)


def test_the_last_third_of_the_steps_of_each_run_is_held_out_and_runs_without_earlier_steps_are_only_trained_on():
    rows = rows_of([0.1] * 6 + [0.5], np.ones(7), run=[0] * 6 + [1], steps=[1, 2, 3, 4, 5, 6, 6])
    split = splits_of(rows, 0)["step"]
    assert split.along_runs and split.folds[0].test.tolist() == [4, 5] and split.folds[0].train.tolist() == [0, 1, 2, 3, 6]


def test_runs_of_one_row_have_no_steps_to_hold_out():
    assert "step" not in splits_of(rows_of([0.1, 0.5, 0.9], [1, 2, 3]), 0)
