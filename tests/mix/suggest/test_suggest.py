import numpy as np
import pytest

from mix.errors import MixError
from mix.suggest.suggest import suggest
from mix.suggest.suggestion import BudgetNotMet
from tests.mix.suggest.evidence import BASE, replay_evidence, replay_losses, replay_request


def test_the_cheapest_share_of_replay_that_keeps_the_budget_is_suggested() -> None:
    shares = np.linspace(0, 0.5, 5001)
    needed = shares[replay_losses(shares)["general"] <= 1.05 * BASE["general"]][0]
    suggested = [suggest(replay_request(), replay_evidence(seed)).shares[0] for seed in range(8)]
    assert needed <= min(suggested) and max(suggested) < needed + 0.09
    found = suggest(replay_request(), replay_evidence())
    assert found.budget_kept["general"] == pytest.approx(0.95, abs=0.005)
    assert [(b.kind, b.name) for b in found.binding] == [("budget", "general")]
    truth = replay_losses(found.shares[:1])
    for name, prediction in found.domains.items():
        assert prediction.mean_low < truth[name][0] < prediction.mean_high
        assert prediction.low < prediction.mean_low < prediction.value < prediction.mean_high < prediction.high
        assert prediction.base == BASE[name]


def test_a_budget_that_nothing_keeps_is_refused_with_the_smallest_increase_that_can_be_had() -> None:
    with pytest.raises(
        BudgetNotMet, match=r"general may rise by 2.0%, and the smallest increase that can be promised with 95% is 3\..%, at general 0.500"
    ) as refusal:
        suggest(replay_request(0.02), replay_evidence())
    increase, shares = refusal.value.smallest["general"]
    assert 1.4961 / 1.4457 - 1 < increase < 0.045
    assert shares.tolist() == pytest.approx([0.5, 0.5])


def test_too_few_runs_are_refused_with_the_number_needed() -> None:
    with pytest.raises(MixError, match="too few runs: 3 different ratios with a loss, and a suggestion over 2 sources needs at least 4"):
        suggest(replay_request(), replay_evidence(shares=(0.0, 0.2, 0.2, 0.5)))


def test_the_same_request_gives_the_same_suggestion() -> None:
    first, second = (suggest(replay_request(), replay_evidence()) for _ in range(2))
    assert first.shares.tobytes() == second.shares.tobytes()
    assert first.target == second.target
    assert first.flattery == second.flattery
