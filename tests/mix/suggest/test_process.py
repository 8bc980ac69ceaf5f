import numpy as np
import pytest

from mix.suggest.process import covariance, fit_process


def test_held_out_densities_are_those_of_the_definition() -> None:
    # Leave a ratio out, fit the process to the others, and predict: the closed form must give the same numbers.
    random = np.random.default_rng(0)
    shares = np.repeat(np.linspace(0, 1, 7), [2, 1, 1, 3, 1, 1, 1])
    shares = np.stack([shares, 1 - shares], axis=1)
    groups = np.unique(shares, axis=0, return_inverse=True)[1].reshape(-1)
    residuals, tangent = random.standard_normal(len(shares)), np.linalg.qr(shares)[0]
    for fitted in list(fit_process(shares, residuals, tangent, groups, (0.0, 0.0)))[::9]:
        for group in (0, 3, 6):
            out = groups == group
            prior = covariance(shares, shares, tangent, tangent, fitted.setting) + np.eye(len(shares))
            to_others = prior[np.ix_(out, ~out)] @ np.linalg.inv(prior[np.ix_(~out, ~out)])
            error = residuals[out] - to_others @ residuals[~out]
            scale = prior[np.ix_(out, out)] - to_others @ prior[np.ix_(~out, out)]
            freedom = fitted.freedom - out.sum()
            variance = residuals[~out] @ np.linalg.solve(prior[np.ix_(~out, ~out)], residuals[~out]) / freedom
            scipy_stats = pytest.importorskip("scipy.stats")
            expected = scipy_stats.multivariate_t(np.zeros(out.sum()), variance * scale, df=freedom).logpdf(error)
            assert fitted.log_held_out[group] == pytest.approx(expected, rel=1e-4, abs=1e-4)
