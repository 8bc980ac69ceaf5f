import numpy as np
import pytest

from eval.probes.shares import is_share, share_difference, share_interval, smallest_change, within
from eval.statistics.interval import verdict
from eval.statistics.proportions import mcnemar, smallest_share, wilson_interval


def test_a_clear_change_is_found_though_one_item_did_not_change():
    base, new = np.zeros(18), np.ones(18)
    new[3] = 0
    interval = share_difference(base, new)
    assert verdict(interval) == "worse" and interval.low > 0 and interval.estimate == pytest.approx(17 / 18)


def test_few_changed_items_are_judged_by_the_exact_test():
    base, new = np.zeros(40), np.zeros(40)
    new[:5] = 1
    interval = share_difference(base, new)
    assert interval.p_value == pytest.approx(mcnemar(5, 0)) == pytest.approx(2 * 0.5**5)
    assert interval.low < 0 < interval.high and verdict(interval) == "undetectable"


def test_interval_and_p_value_agree():
    for changed in range(1, 12):
        base, new = np.zeros(40), np.zeros(40)
        new[:changed] = 1
        interval = share_difference(base, new)
        assert (interval.p_value < 0.05) == (interval.low > 0)


def test_equal_models_do_not_differ():
    values = np.array([0.0, 1, 1, 0.5])
    assert share_difference(values, values).p_value == 1 and share_difference(values, values).estimate == 0


def test_a_single_share_stays_between_0_and_1():
    for values in (np.zeros(20), np.ones(20), np.array([1.0, *np.zeros(19)]), np.array([0.9, 1.0, 0.95, 1.0])):
        interval = share_interval(values)
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert share_interval(np.zeros(20)).high == pytest.approx(0.161, abs=0.001)  # Wilson for 0 of 20


def test_clusters_count_as_one():
    values = np.repeat(np.array([0.0, 1.0] * 10), 10)
    alone, together = share_interval(values), share_interval(values, clusters=np.repeat(np.arange(20), 10))
    assert together.standard_error > 2 * alone.standard_error and together.clusters == 20


def test_only_items_of_equal_weight_between_0_and_1_are_shares():
    assert is_share(np.array([[0.2, 1.0], [1.0, 1.0]]))
    assert not is_share(np.array([[0.2, 2.0], [1.0, 2.0]])) and not is_share(np.array([[-0.1, 1.0]]))


def test_one_changed_item_of_16_leaves_an_interval_that_a_share_can_have():
    base, new = np.zeros(16), np.zeros(16)
    new[0] = 1
    interval = within(share_difference(base, new), -1, 1)
    assert (interval.low, interval.high) == pytest.approx((-wilson_interval(1, 16)[1], wilson_interval(1, 16)[1]))
    assert interval.p_value == 1 and smallest_change(interval, 1) <= 1


def test_where_nothing_differs_a_change_may_have_gone_unseen():
    values = np.array([0.0] * 16)
    interval = within(share_difference(values, values), -1, 1)
    assert (interval.low, interval.high) == pytest.approx((-wilson_interval(0, 16)[1], wilson_interval(0, 16)[1]))
    assert smallest_change(interval, 1) == pytest.approx(smallest_share(16)) and smallest_share(16) > 0.3
    clustered = within(share_interval(values, clusters=np.arange(16) // 2), 0, 1)
    assert (clustered.low, clustered.high) == pytest.approx((0, wilson_interval(0, 8)[1]))
