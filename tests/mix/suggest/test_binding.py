from dataclasses import replace

import numpy as np

from mix.suggest.beliefs import believe
from mix.suggest.binding import binding_of
from tests.mix.suggest.evidence import replay_evidence, replay_request


def kinds(request, shares, strength=0.0):
    """Kind and name of what binds at a share of general text."""
    beliefs = believe(request, replay_evidence(shares=(0.1, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.5)))
    return [(one.kind, one.name) for one in binding_of(request, beliefs, np.array([shares, 1 - shares]), strength)]


def test_the_hull_binds_where_a_step_out_of_it_is_better_and_not_if_that_is_allowed() -> None:
    free = replay_request(None)
    assert kinds(free, 0.1) == [("hull", "")]
    assert kinds(free, 0.3) == []
    assert kinds(replace(free, extrapolate=True), 0.1) == []


def test_bounds_bind_where_they_are_touched() -> None:
    bounded = replace(replay_request(None), lower=np.array([0.2, 0.0]), upper=np.array([1.0, 0.9]))
    assert kinds(bounded, 0.2) == [("lower", "general")]
    assert kinds(replace(bounded, lower=np.zeros(2)), 0.1) == [("upper", "python")]


def test_the_prior_binds_where_a_step_away_from_it_is_better() -> None:
    request = replace(replay_request(None), prior=np.array([0.5, 0.5]))
    assert kinds(request, 0.3, strength=0.5) == [("prior", "")]
    assert kinds(request, 0.3) == []
