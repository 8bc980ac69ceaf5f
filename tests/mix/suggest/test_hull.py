from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.suggest.hull import allowed_shares, outside_of
from tests.mix.suggest.evidence import replay_request

TRIANGLE = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])


def test_distance_from_the_hull_is_the_largest_difference_of_a_share() -> None:
    assert outside_of(TRIANGLE, np.array([0.3, 0.3, 0.4]))[0] == 0
    distance, nearest = outside_of(TRIANGLE, np.array([0.8, 0.1, 0.1]))
    assert distance == pytest.approx(0.2)
    assert nearest.tolist() == pytest.approx([0.6, 0.2, 0.2])


def test_candidates_stay_in_hull_and_bounds() -> None:
    request = replace(replay_request(), sources=("a", "b", "c"), lower=np.zeros(3), upper=np.array([0.5, 1.0, 0.3]))
    candidates = allowed_shares(request, TRIANGLE).candidates(60, 0)
    assert len(candidates) > 40
    assert np.allclose(candidates.sum(axis=1), 1)
    assert (candidates <= request.upper + 1e-6).all()
    assert max(outside_of(TRIANGLE, shares)[0] for shares in candidates) < 1e-6
    with pytest.raises(MixError, match=r"the bound of a, at most 0\.1, is 0\.1 outside the runs"):
        allowed_shares(replace(request, upper=np.array([0.1, 1.0, 1.0])), TRIANGLE)
