import json

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.cmr import CMR
from mix.laws.law import Points
from mix.laws.tangent import central_differences
from tests.mix.laws.evidence import evidence_at, grid, measured, two_sources

SHARES = [0.125, 0.25, 1 / 3, 0.5, 0.75, 1.0]


def curve(points):
    return 1.9 - 0.46 * points.shares[:, 0] ** 0.15


def test_predicts_a_ratio_that_was_held_out():
    fitted = CMR().fit(measured(grid([1e9], [2e10], SHARES), curve, noise=0.0005))
    unseen = Points.of_shares(("a", "b"), two_sources([0.18, 0.6]))
    np.testing.assert_allclose(fitted.predict(unseen), curve(unseen), atol=0.002)


def test_a_share_of_zero_has_no_prediction_where_the_curve_has_a_pole():
    evidence = measured(grid([1e9], [2e10], SHARES), lambda at: 1.2 + 0.1 * at.shares[:, 0] ** -0.5)
    assert np.isnan(CMR().fit(evidence).predict(Points.of_shares(("a", "b"), two_sources([0.0])))).all()


def test_a_record_of_json_predicts_the_same():
    fitted = CMR().fit(measured(grid([1e9], [2e10], SHARES), curve, noise=0.001))
    read = read_law(json.loads(json.dumps(fitted.record())))
    np.testing.assert_array_equal(read.predict(grid([1e9], [2e10], SHARES)), fitted.predict(grid([1e9], [2e10], SHARES)))
    with pytest.raises(MixError, match="not a fit of cmr"):
        CMR().read({"law": "cmr"})


def test_the_tangent_is_the_derivative():
    points = grid([1e9], [2e10], SHARES)
    fitted = CMR().fit(measured(points, curve, noise=0.001))
    parameters = np.array([fitted.curve.level, fitted.curve.slope, fitted.curve.s])

    def at(values):
        return CMR().read(fitted.record() | dict(zip(("level", "slope", "s"), values.tolist(), strict=True))).predict(points)

    np.testing.assert_allclose(fitted.tangent(points), central_differences(at, parameters), atol=1e-6)


def test_losses_that_only_scatter_do_not_tell_the_exponent():
    noise = np.random.default_rng(2).normal(0, 0.01, 8)
    fitted = CMR().fit(evidence_at(two_sources(np.linspace(0.1, 1, 8).tolist()), 2 + noise, source=0))
    assert any(text.startswith("s:") for text in fitted.unidentified)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (measured(grid([1e9], [2e10], SHARES), curve, source=None), "no source is named"),
        (measured(grid([1e9], [1e10, 2e10], SHARES), curve), "these rows have 2 numbers of tokens"),
        (measured(grid([1e9, 2e9], [1e10], SHARES), curve), "these rows have 2 model sizes"),
        (measured(grid([1e9], [1e10], SHARES[:3]), curve), "at least 4 different shares of a; there are 3"),
        (evidence_at(two_sources([0.1, 0.2, 0.5, 0.8]), np.array([1, 2, np.nan, 3]), source=0), "a loss in every row"),
    ],
)
def test_says_why_it_cannot_be_fitted(evidence, words):
    assert words in (CMR().problem(evidence) or "")
    with pytest.raises(MixError, match=words):
        CMR().fit(evidence)
