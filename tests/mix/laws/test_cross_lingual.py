import json

import numpy as np

from mix.laws.catalog import read_law
from mix.laws.cross_lingual import CrossLingual
from tests.mix.laws.evidence import grid, measured

SIZES = [4e7, 1.5e8, 5e8, 1.5e9]
TOKENS = [1e9, 3e9, 1e10, 3e10, 7e10]


def truth(points, gamma=0.08):
    size, tokens = points.parameters / 1e9, points.tokens / 1e10
    return 1.4 + 0.5 * size**-0.3 + 0.6 * tokens**-0.2 * size**-gamma


def test_predicts_a_size_and_tokens_that_were_held_out():
    fitted = CrossLingual().fit(measured(grid(SIZES, TOKENS, [0.5, 0.9]), truth, noise=0.004, source=None))
    unseen = grid([5.5e9], [5e9, 1.1e11], [0.7])
    np.testing.assert_allclose(fitted.predict(unseen), truth(unseen), rtol=0.01)
    assert fitted.values["gamma"] > 0
    assert not any("gamma is not positive" in text for text in fitted.warnings)


def test_says_where_tokens_help_a_larger_base_less():
    fitted = CrossLingual().fit(measured(grid(SIZES, TOKENS, [0.5]), lambda at: truth(at, -0.2), source=None))
    assert any("gamma is not positive" in text for text in fitted.warnings)


def test_needs_no_share_and_leaves_out_what_never_changes():
    evidence = measured(grid([1e9], TOKENS, [0.5, 0.9]), truth, source=None)
    fitted = CrossLingual().fit(evidence)
    assert set(fitted.values) == {"E", "B", "beta", "gamma"}
    assert any(text.startswith("A, alpha: all rows have the same model sizes") for text in fitted.unidentified)
    assert any(text.startswith("gamma: held at 0.08") for text in fitted.unidentified)
    np.testing.assert_allclose(fitted.predict(evidence.points), evidence.losses, atol=1e-4)


def test_a_record_of_json_predicts_the_same():
    fitted = CrossLingual().fit(measured(grid(SIZES, TOKENS, [0.5]), truth, noise=0.01, source=None))
    points = grid([2e9], TOKENS, [0.2])
    np.testing.assert_array_equal(read_law(json.loads(json.dumps(fitted.record()))).predict(points), fitted.predict(points))


def test_refuses_sizes_that_are_not_positive():
    evidence = measured(grid([-1.0, 1e9], TOKENS, [0.5]), lambda at: np.full(len(at), 2.0), source=None)
    assert CrossLingual().problem(evidence) == "cross_lingual needs the model sizes of all rows or of none; 5 of 10 rows lack them"
