import numpy as np

from tokenize_tools.intervals import ratio_interval


def test_an_interval_contains_the_ratio_of_sums_and_shrinks_with_more_documents():
    random = np.random.default_rng(1)
    widths = []
    for n_docs in (50, 5000):
        below = random.integers(50, 150, n_docs)
        interval = ratio_interval(random.binomial(below, 0.3), below, seed=0)
        assert interval.low < interval.estimate < interval.high and abs(interval.estimate - 0.3) < 0.03
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 5
    assert ratio_interval(np.array([3, 4]), np.array([0, 0]), 0) is None
