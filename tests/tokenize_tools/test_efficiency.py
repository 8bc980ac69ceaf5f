import math

import numpy as np
import pytest

from tokenize_tools.efficiency import efficiency_interval, renyi_efficiency


@pytest.mark.parametrize("shares", [[1, 1, 1, 1], [5, 3, 1], [7]])
def test_renyi_efficiency_follows_its_definition(shares):
    p = [share / sum(shares) for share in shares]
    expected = math.log(sum(x**2.5 for x in p)) / (1 - 2.5) / math.log(4)
    assert renyi_efficiency(np.array(shares), 4) == pytest.approx(expected)
    assert renyi_efficiency(np.array([1, 1, 1, 1]), 4) == pytest.approx(1)


def test_the_interval_of_an_efficiency_contains_it_and_shrinks_with_more_documents():
    random, widths = np.random.default_rng(0), []
    for n_docs in (20, 2000):
        ids = (random.pareto(1.0, n_docs * 50) * 3).astype(np.uint32) % 500
        interval = efficiency_interval(ids, np.arange(n_docs + 1) * 50, 1000, seed=0)
        assert interval.low <= interval.estimate <= interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 3
    assert efficiency_interval(np.array([], np.uint32), np.array([0, 0]), 1000, seed=0) is None
