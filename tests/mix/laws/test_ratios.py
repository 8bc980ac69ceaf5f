import numpy as np

from mix.laws.ratios import ratio_numbers


def test_shares_within_a_thousandth_are_one_ratio_in_order_of_first_appearance():
    shares = np.array([[0.5, 0.5], [0.2, 0.8], [0.5004, 0.4996], [0.21, 0.79], [0.2, 0.8]])
    assert ratio_numbers(shares).tolist() == [0, 1, 0, 2, 1]


def test_a_chain_of_near_shares_does_not_join_what_is_far_apart():
    shares = np.stack([np.arange(5) * 0.0008, 1 - np.arange(5) * 0.0008], axis=1)
    assert ratio_numbers(shares).tolist() == [0, 0, 1, 1, 2]


def test_no_points_have_no_ratios():
    assert ratio_numbers(np.zeros((0, 3))).tolist() == []
