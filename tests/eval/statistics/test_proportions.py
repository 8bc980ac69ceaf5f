import math

import pytest
from scipy.stats import binomtest

from eval.statistics.proportions import mcnemar, wilson_interval


@pytest.mark.parametrize(("n_found", "n"), [(5, 10), (0, 10), (10, 10), (1, 1), (17, 20)])
def test_the_ends_of_an_interval_are_1_96_of_their_own_standard_errors_from_the_share(n_found, n):
    for end in wilson_interval(n_found, n):
        assert (n_found / n - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n, abs=1e-7)


def test_known_intervals():
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


@pytest.mark.parametrize(("n01", "n10"), [(0, 5), (3, 9), (12, 4), (40, 61), (500, 430)])
def test_mcnemar_is_the_exact_test_of_a_fair_coin(n01, n10):
    assert mcnemar(n01, n10) == pytest.approx(binomtest(n01, n01 + n10, 0.5).pvalue, rel=1e-9)


def test_mcnemar_without_discordant_items_finds_nothing():
    assert mcnemar(0, 0) == mcnemar(7, 7) == 1.0


def test_mcnemar_of_many_items_agrees_with_the_exact_test():
    assert mcnemar(600, 520) == pytest.approx(binomtest(520, 1120, 0.5).pvalue, rel=0.02)
    assert not math.isnan(mcnemar(10**9, 10**9 + 1))
