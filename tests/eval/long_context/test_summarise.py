import pytest

from eval.long_context.summarise import wilson_interval


@pytest.mark.parametrize(("n_found", "n"), [(5, 10), (0, 10), (10, 10), (1, 1), (17, 20)])
def test_the_ends_of_an_interval_are_1_96_of_their_own_standard_errors_from_the_share(n_found, n):
    for end in wilson_interval(n_found, n):
        assert (n_found / n - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n, abs=1e-7)


def test_known_intervals():
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
