from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.cmr import CMR
from mix.laws.critical import best_limited_share, crossing, largest_share, line, smallest_share
from mix.laws.d_cpt import DCPT
from mix.laws.law import Points
from tests.mix.laws.evidence import grid, measured

TABLE_5_SHARES = np.array([0.9, 0.91, 0.92, 0.924, 0.93, 0.94, 1.0])  # arXiv 2406.01375, Table 5: 1.8B parameters, chemistry, 10B tokens
TABLE_5_GENERAL = np.array([2.9052, 2.9193, 2.9376, 2.9445, 2.9644, 2.9848, 3.4667])
TABLE_5_BASE = 2.8602


def general(points: Points) -> np.ndarray:
    """Loss of the text of b; falls with its share."""
    return 2.5 + 0.2 / (points.shares[:, 1] + 0.1) ** 0.5


def fitted_general():
    return DCPT().fit(measured(grid([1e9], [1e10], np.linspace(0, 1, 12).tolist()), general, source=1))


def test_the_published_share_under_a_limit_of_three_percent():
    found = crossing(TABLE_5_SHARES, TABLE_5_GENERAL, 1.03 * TABLE_5_BASE)
    assert found.share == pytest.approx(0.924, abs=0.001)
    assert found.limited
    assert not found.gaps


def test_a_table_is_crossed_whatever_its_order_and_where_it_dips():
    shuffled = np.array([3, 0, 6, 1, 5, 2, 4])
    assert crossing(TABLE_5_SHARES[shuffled], TABLE_5_GENERAL[shuffled], 2.946) == crossing(TABLE_5_SHARES, TABLE_5_GENERAL, 2.946)
    dipping = crossing(np.array([0, 0.25, 0.5, 0.75, 1]), np.array([2.0, 2.3, 2.1, 2.0, 2.4]), 2.2)
    assert dipping.share == pytest.approx(0.875)
    assert dipping.gaps == ((0.25, 0.25),)


def test_a_limit_that_binds_nowhere_gives_the_last_share():
    found = crossing(TABLE_5_SHARES, TABLE_5_GENERAL, 9.0)
    assert (found.share, found.limited) == (1.0, False)


def test_a_limit_that_nothing_meets_says_the_smallest_loss():
    with pytest.raises(MixError, match=r"no share keeps the loss at or below 2\.9: the smallest is 2\.905, at a share of 0\.9"):
        crossing(TABLE_5_SHARES, TABLE_5_GENERAL, 2.9)
    with pytest.raises(MixError, match="2 rows, 1 different"):
        crossing(np.array([0.5, 0.5]), np.array([1.0, 2.0]), 1.5)


def test_the_largest_share_of_a_law_meets_the_limit_exactly():
    law = fitted_general()
    found = largest_share(law, grid([1e9], [1e10], [0.5]), "a", 2.75)
    assert found.share == pytest.approx(1.1 - (0.2 / 0.25) ** 2, abs=1e-4)
    assert law.predict(line(grid([1e9], [1e10], [0.5]), "a", np.array([found.share])))[0] == pytest.approx(2.75, abs=1e-8)
    assert largest_share(law, grid([1e9], [1e10], [0.5]), "a", 2.75, high=0.3).share == pytest.approx(0.3)


def test_a_law_that_meets_no_limit_says_the_smallest_loss():
    with pytest.raises(MixError, match=r"the smallest is 2\.69"):
        largest_share(fitted_general(), grid([1e9], [1e10], [0.5]), "a", 2.6)


def test_a_law_that_lacks_a_number_is_named():
    law = DCPT().fit(measured(grid([1e9], [1e9, 2e9, 4e9], [0, 0.2, 0.4, 0.6, 0.8]), general, source=1))
    with pytest.raises(MixError, match="d_cpt predicts no loss here"):
        largest_share(law, Points.of_shares(("a", "b"), np.array([[0.5, 0.5]])), "a", 2.75)


def test_the_other_sources_keep_their_proportions():
    template = Points.of_shares(("a", "b", "c"), np.array([[0.4, 0.4, 0.2]]), tokens=1e9)
    along = line(template, "a", np.array([0.1, 1.0]))
    np.testing.assert_allclose(along.shares, [[0.1, 0.6, 0.3], [1, 0, 0]])
    assert (along.tokens == 1e9).all()
    np.testing.assert_allclose(line(Points.of_shares(("a", "b"), np.array([[1.0, 0.0]])), "a", np.array([0.3])).shares, [[0.3, 0.7]])
    with pytest.raises(MixError, match="no source d; the sources are a, b, c"):
        line(template, "d", np.array([0.1]))
    with pytest.raises(MixError, match="their proportions are unknown"):
        line(Points.of_shares(("a", "b", "c"), np.array([[1.0, 0, 0]])), "a", np.array([0.1]))


def domain_loss(points: Points) -> np.ndarray:
    return 0.5 + 0.03 * (points.tokens / 1e9) ** -0.3 * points.shares[:, 0] ** 0.1 + 0.12 / (points.shares[:, 0] + 0.05) ** 0.1


def test_limited_domain_text_is_best_diluted():
    ratios = [0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1]
    law = DCPT().fit(measured(grid([1e9], [1e9, 3e9, 6e9, 1e10, 2e10, 5e10], ratios), domain_loss))
    found = best_limited_share(law, grid([1e9], [1e10], [0.5]), "a", 1e9, low=0.02)
    shares = np.linspace(0.02, 1, 5001)
    template = replace(line(grid([1e9], [1e10], [0.5]), "a", shares), tokens=1e9 / shares)
    losses = domain_loss(template)
    assert found.loss == pytest.approx(losses.min(), abs=2e-4)
    assert domain_loss(template.take(np.array([np.abs(shares - found.share).argmin()])))[0] - losses.min() < 2e-4


def test_limited_domain_text_needs_a_law_of_tokens():
    law = CMR().fit(measured(grid([1e9], [1e10], [0.1, 0.2, 0.5, 0.8, 1]), domain_loss))
    with pytest.raises(MixError, match="cmr as fitted does not depend on tokens"):
        best_limited_share(law, grid([1e9], [1e10], [0.5]), "a", 1e9)


def test_the_smallest_share_of_a_source_that_lowers_the_loss_mirrors_the_largest_of_the_other():
    law, template = fitted_general(), grid([1e9], [1e10], [0.5])
    smallest, largest = smallest_share(law, template, "b", 2.75), largest_share(law, template, "a", 2.75)
    assert smallest.share == pytest.approx(1 - largest.share, abs=1e-8)
    assert smallest.limited
    assert smallest_share(law, template, "b", 9.0, low=0.2).share == pytest.approx(0.2)
    with pytest.raises(MixError, match="no share keeps the loss"):
        smallest_share(law, template, "b", 2.6)
