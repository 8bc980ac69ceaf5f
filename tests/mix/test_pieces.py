import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mix.pieces import TOLERANCE, pieces
from mix.weights import PointsRecipe, RampRecipe, StepsRecipe, weight_at


def shares_of(found, x):
    """(n, n_sources): shares at places strictly inside pieces."""
    piece = np.searchsorted(found.bounds, x, side="right") - 1
    done = ((x - found.bounds[piece]) / np.diff(found.bounds)[piece])[:, None]
    return found.begin[piece] + (found.end[piece] - found.begin[piece]) * done


def ones(n):
    return np.ones(n), np.zeros(n)


def test_constant_and_linear_weights_are_one_piece_with_shares_that_are_linear():
    found = pieces([1.0, RampRecipe(start=0, to=3)], *ones(2))
    assert found.bounds.tolist() == [0, 1] and found.error == 0
    assert found.begin.tolist() == [[1, 0]] and found.end.tolist() == [[0.25, 0.75]]


def test_pieces_end_where_weights_bend_or_step():
    found = pieces([1.0, PointsRecipe(points=[(0, 0), (0.25, 1), (1, 1)]), StepsRecipe(steps=[(0, 0), (0.5, 2)])], *ones(3))
    assert found.bounds.tolist() == [0, 0.25, 0.5, 1]
    assert found.begin[2] == pytest.approx([0.25, 0.25, 0.5]) and found.end[1] == pytest.approx([0.5, 0.5, 0])


@pytest.mark.parametrize("curve", ["cosine", "exponential", "sqrt", "quadratic", "inverse_quadratic"])
def test_shares_follow_curved_weights_to_within_the_stated_error(curve):
    weights = [2.0, RampRecipe(start=0.1, to=9, curve=curve), RampRecipe(start=1, to=0)]
    found = pieces(weights, *ones(3))
    x = np.random.default_rng(0).uniform(0, 1, 20_000)
    exact = np.stack([weight_at(weight, x) for weight in weights], axis=1)
    exact /= exact.sum(axis=1, keepdims=True)
    assert found.error <= (TOLERANCE if curve != "sqrt" else 0.005)
    assert np.abs(shares_of(found, x) - exact).max() <= found.error * 1.05
    assert len(found.begin) < 300


def test_fixed_shares_stay_and_weights_share_the_rest():
    found = pieces([0.0, 1.0, RampRecipe(start=0, to=1)], np.ones(3), np.array([0.4, 0, 0]))
    assert found.begin[0] == pytest.approx([0.4, 0.6, 0]) and found.end[0] == pytest.approx([0.4, 0.3, 0.3])


weight = st.one_of(
    st.floats(0.1, 10),
    st.builds(RampRecipe, start=st.floats(0.1, 5), to=st.floats(0.1, 5), curve=st.sampled_from(["linear", "cosine", "exponential", "sqrt"])),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=4, unique_by=lambda point: point[0]).map(
        lambda p: PointsRecipe(points=sorted(p))
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(weight, min_size=1, max_size=4))
def test_shares_sum_to_one_at_both_ends_of_every_piece(weights):
    found = pieces(weights, *ones(len(weights)))
    assert found.begin.sum(axis=1) == pytest.approx(1) and found.end.sum(axis=1) == pytest.approx(1)
    assert found.bounds[0] == 0 and found.bounds[-1] == 1 and (np.diff(found.bounds) > 0).all()
