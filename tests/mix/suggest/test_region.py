import dataclasses

import numpy as np

from mix.suggest.beliefs import believe
from mix.suggest.region import region_of
from mix.suggest.suggest import suggest
from tests.mix.suggest.evidence import replay_evidence, replay_request

COARSE = np.array([[share, 1 - share] for share in (0.0, 0.25, 0.5)])


def region(target, increase):
    request, evidence = dataclasses.replace(replay_request(increase), target=target), replay_evidence()
    best = suggest(request, evidence).shares
    return best[0], region_of(request, believe(request, evidence), best, COARSE, 0.0)


def test_ratios_near_the_best_one_are_as_good_where_the_target_is_flat() -> None:
    best, found = region({"general": 1.0, "python": 1.0}, None)
    assert found.lowest[0] < best - 0.005
    assert found.highest[0] <= 0.5


def test_no_ratio_that_breaks_a_budget_is_as_good() -> None:
    best, found = region({"python": 1.0}, 0.05)
    assert found.lowest[0] >= best - 1e-9
    assert found.highest[0] < best + 0.1
