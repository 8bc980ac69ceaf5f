import math

import numpy as np
import pytest
from scipy import stats

from eval.statistics.bootstrap import resampled_sums, spread


def sample(n: int, sigma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of a ratio, which sum to zero, and denominators of skewed size."""
    random = np.random.default_rng(n)
    weights = random.lognormal(0, sigma, n)
    numerators = weights * random.standard_normal(n)
    return numerators - numerators.sum() / weights.sum() * weights, weights


def test_every_resample_draws_as_many_rows_as_there_are():
    sums = resampled_sums(np.column_stack([np.ones(30), np.arange(30)]), 500, seed=3)
    assert (sums[:, 0] == 30).all() and sums[:, 1].std() > 0
    assert sums[:, 1].mean() == pytest.approx(30 * 14.5, rel=0.02)


def test_slices_of_many_draws_are_drawn_like_few():
    many = resampled_sums(np.ones((100_000, 1)), 200, seed=0)
    assert (many == 100_000).all()


def test_the_standard_error_is_that_of_leaving_each_cluster_out():
    residuals, weights = sample(25)
    without = np.array([np.delete(residuals, i).sum() / np.delete(weights, i).sum() for i in range(25)])
    jackknife = math.sqrt(24 / 25 * ((without - 0) ** 2).sum())
    assert spread(residuals, weights, n_resamples=200, seed=0).standard_error == pytest.approx(jackknife)


def test_equal_weights_give_the_textbook_standard_error():
    residuals, _ = sample(40, sigma=0.0)
    found = spread(residuals, np.ones(40), n_resamples=200, seed=0)
    assert found.standard_error == pytest.approx(stats.sem(residuals))


def test_an_interval_agrees_with_a_slow_reading_of_the_bootstrap():
    residuals, weights = sample(60)
    found = spread(residuals, weights, n_resamples=20_000, seed=1)
    shares = (residuals / (1 - weights / weights.sum())) ** 2
    degrees = 2 * shares.sum() ** 2 / (shares**2).sum()
    assert found.degrees == pytest.approx(degrees)
    random, slow = np.random.default_rng(2), []
    for _ in range(20_000):
        drawn = random.integers(60, size=60)
        shift = residuals[drawn].sum() / weights[drawn].sum()
        slow.append(shift * weights[drawn].sum() / math.sqrt(((residuals[drawn] - shift * weights[drawn]) ** 2).sum() * 60 / 59))
    tail = stats.norm.cdf(-math.sqrt(60 / 59) * stats.t.ppf(0.975, degrees))
    low, high = np.quantile(slow, [tail, 1 - tail])
    least = stats.t.ppf(0.975, degrees)
    assert found.below == pytest.approx(found.standard_error * max(high, least), rel=0.06)
    assert found.above == pytest.approx(found.standard_error * max(-low, least), rel=0.06)


def test_an_interval_is_never_narrower_than_that_of_student():
    for n in (2, 3, 5, 30, 400):
        found = spread(*sample(n), n_resamples=500, seed=0)
        assert min(found.below, found.above) >= stats.t.ppf(0.975, found.degrees) * found.standard_error * (1 - 1e-9)
        assert found.degrees <= n - 1 and math.isfinite(found.below + found.above)


def test_a_cluster_that_dominates_leaves_few_degrees_and_a_wide_interval():
    residuals, weights = sample(200, sigma=0.5)
    even = spread(residuals, weights, n_resamples=500, seed=0)
    weights[0], numerators = 40 * weights.sum(), np.array([*residuals])
    numerators[0] = 0.1 * weights[0]
    residuals = numerators - numerators.sum() / weights.sum() * weights
    one = spread(residuals, weights, n_resamples=500, seed=0)
    assert one.degrees < 3 < 40 < even.degrees
    assert one.standard_error == pytest.approx(0.1, rel=0.5)


def test_equal_ratios_have_no_spread():
    _, weights = sample(30)
    assert spread(np.full(30, 1e-17), weights, n_resamples=200, seed=0) == (0.0, 29.0, 0.0, 0.0)
