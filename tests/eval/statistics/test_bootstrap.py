import numpy as np
import pytest

from eval.statistics.bootstrap import quantile, resampled_sums, standard_error, studentised


def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of a ratio, which sum to zero, and denominators of skewed size."""
    random = np.random.default_rng(n)
    weights = random.lognormal(0, 1, n)
    numerators = weights * random.standard_normal(n)
    return numerators - numerators.sum() / weights.sum() * weights, weights


def test_every_resample_draws_as_many_rows_as_there_are():
    sums = resampled_sums(np.column_stack([np.ones(30), np.arange(30)]), 500, seed=3)
    assert (sums[:, 0] == 30).all() and sums[:, 1].std() > 0
    assert sums[:, 1].mean() == pytest.approx(30 * 14.5, rel=0.02)


def test_slices_of_many_draws_are_drawn_like_few():
    many = resampled_sums(np.ones((100_000, 1)), 200, seed=0)
    assert (many == 100_000).all()


def test_t_of_a_resample_is_its_distance_in_its_own_standard_errors():
    residuals, weights = sample(12)
    counts = resampled_sums(np.eye(12), 50, seed=1)
    for count, found in zip(counts, studentised(residuals, weights, n_resamples=50, seed=1), strict=True):
        drawn = np.repeat(np.arange(12), count.astype(int))
        shift = residuals[drawn].sum() / weights[drawn].sum()
        assert found == pytest.approx(abs(shift) / standard_error(residuals[drawn] - shift * weights[drawn], weights[drawn].sum()), rel=1e-6)


def test_resamples_without_any_variance_are_infinitely_far():
    found = studentised(np.array([-1.0, 1.0]), np.ones(2), n_resamples=400, seed=0)
    assert set(np.unique(found)) == {0.0, np.inf}
    assert quantile(found) == np.inf
