"""Any table is fitted or refused with a reason: unknown, zero, equal and repeated numbers, constant losses, one source."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mix.laws.catalog import LAWS, read_law
from mix.laws.law import Evidence, Points

NAMES = ("d_cpt", "d_cpt_pretraining", "d_cpt_cross", "cmr", "cross_lingual")


def numbers(random, n, scale):
    """One of: unknown, all equal, two values, some unknown, one zero, spread over magnitudes."""
    spread = scale * np.exp(random.normal(size=n))
    some, zero = spread.copy(), spread.copy()
    some[random.random(n) < 0.2] = np.nan
    zero[0] = 0.0
    two = scale * random.choice([1.0, 2.0], n)
    kinds = (np.full(n, np.nan), np.full(n, scale), two, some, zero, spread, spread)
    return kinds[random.integers(len(kinds))]


def any_evidence(seed):
    random = np.random.default_rng(seed)
    n, k = int(random.integers(3, 30)), int(random.integers(1, 4))
    shares = random.dirichlet(np.full(k, 0.5), n)
    if random.random() < 0.4:
        shares = np.eye(k)[random.integers(k, size=n)]
    points = Points(tuple("abc"[:k]), shares, numbers(random, n, 1e9), numbers(random, n, 1e8), numbers(random, n, 1e10), np.full((n, 4), np.nan))
    losses = 2 + random.choice([0.0, 0.3]) * shares[:, 0] + random.choice([0.0, 1e-4, 0.1]) * random.normal(size=n)
    evidence = Evidence(points, losses, np.arange(n), source=int(random.integers(k)), base=random.choice([3.0, 2.05]))
    return replace(evidence, others=(replace(evidence, losses=losses + 0.3),))


@pytest.mark.parametrize("start", range(0, 24, 8))
def test_every_table_is_fitted_or_refused_with_a_reason(start):
    n_fitted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for evidence in map(any_evidence, range(start, start + 8)):
            for law in (LAWS[name] for name in NAMES):
                if problem := law.problem(evidence):
                    assert law.name in problem
                    continue
                fitted = law.fit(evidence)
                n_fitted += 1
                predicted = fitted.predict(evidence.points)
                np.testing.assert_array_equal(read_law(json.loads(json.dumps(fitted.record(), allow_nan=False))).predict(evidence.points), predicted)
                trained = evidence.points.tokens != 0
                assert np.isfinite(predicted[trained]).all()
                assert law.fit(evidence.with_losses(evidence.losses * 1.001), start=fitted).n_free == fitted.n_free
    assert n_fitted >= 2
