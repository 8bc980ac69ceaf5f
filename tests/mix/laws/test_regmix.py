"""Tests of mix/laws/regmix.py: trees as JSON, ranks of held-out mixtures, and refusals."""

import json

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.law import Points
from mix.laws.regmix import RegMix
from tests.mix.laws.evidence import drawn

SMALL = RegMix(n_trees=60, learning_rate=0.1)


def bends(shares):
    """A loss with an interaction, which no exponential of a weighted sum has."""
    return 3 - shares[:, 0] - 2 * np.minimum(shares[:, 1], 0.3) * shares[:, 0]


def test_trees_predict_what_scikit_learn_predicts():
    from sklearn.ensemble import GradientBoostingRegressor

    evidence, held_out = drawn(bends, 4, 100, noise=0.01), drawn(bends, 4, 50, seed=1)
    mean = evidence.losses.mean()
    model = GradientBoostingRegressor(n_estimators=60, learning_rate=0.1, max_depth=5, min_samples_leaf=5, subsample=0.5, init="zero", random_state=3)
    model.fit(evidence.points.shares, evidence.losses - mean)
    predicted = SMALL.fit(evidence, seed=3).predict(held_out.points)
    np.testing.assert_allclose(predicted, mean + model.predict(held_out.points.shares), atol=1e-12)


def test_record_predicts_the_same_numbers_after_json():
    evidence = drawn(bends, 3, 60, noise=0.01)
    fitted = SMALL.fit(evidence)
    again = read_law(json.loads(json.dumps(fitted.record(), allow_nan=False)))
    np.testing.assert_array_equal(again.predict(evidence.points), fitted.predict(evidence.points))


def test_held_out_mixtures_are_ranked_better_than_by_a_straight_line():
    evidence, held_out = drawn(bends, 4, 300, noise=0.005), drawn(bends, 4, 200, seed=1)
    design, at = (np.column_stack([np.ones(len(points)), points.shares]) for points in (evidence.points, held_out.points))
    line = at @ np.linalg.lstsq(design, evidence.losses, rcond=None)[0]

    def rank(values):
        return np.argsort(np.argsort(values))

    trees = np.corrcoef(rank(RegMix().fit(evidence).predict(held_out.points)), rank(held_out.losses))[0, 1]
    assert trees > 0.99
    assert trees > np.corrcoef(rank(line), rank(held_out.losses))[0, 1]


def test_seed_decides_the_fit():
    evidence = drawn(bends, 3, 60, noise=0.01)
    first, again, other = (SMALL.fit(evidence, seed=seed).predict(evidence.points) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_long_lists_of_points_are_predicted_in_pieces_alike():
    fitted = SMALL.fit(drawn(bends, 3, 60))
    many = drawn(bends, 3, 3000, seed=1).points
    np.testing.assert_array_equal(fitted.predict(many)[2000:2010], fitted.predict(many.take(np.arange(2000, 2010))))


def test_points_with_an_unknown_source_have_no_prediction():
    fitted = SMALL.fit(drawn(bends, 3, 40))
    points = Points.of_shares(("c", "a", "new"), np.array([[0.5, 0.5, 0.0], [0.4, 0.4, 0.2]]))
    assert np.isnan(fitted.predict(points)).tolist() == [False, True]


def test_few_ratios_are_refused_with_the_number_needed():
    with pytest.raises(MixError, match="regmix: boosted trees need at least 30 distinct ratios; there are 12"):
        RegMix().fit(drawn(bends, 3, 12))


@pytest.mark.parametrize(
    "damage",
    [{"trees": {}}, {"trees": "left"}, {"trees": "source"}],
    ids=["no trees", "node that does not exist", "source that does not exist"],
)
def test_damaged_records_are_refused(damage):
    record = SMALL.fit(drawn(bends, 3, 40)).record()
    part = damage["trees"]
    record["trees"] = record["trees"] | {part: [99999] * len(record["trees"][part])} if part else {}
    with pytest.raises(MixError, match="not one of the law regmix"):
        read_law(record)
