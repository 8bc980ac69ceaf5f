import pytest
import torch

from train.adapt.recipe import AdaptStageRecipe
from train.adapt.stages import Stages, stage_ends
from train.errors import TrainError


def test_stages_end_after_their_steps_or_share_and_the_last_takes_the_rest():
    assert stage_ends(
        [AdaptStageRecipe(train=["embeddings"], steps=3), AdaptStageRecipe(train=["norms"], share=0.25), AdaptStageRecipe(train=["all"])], 20
    ) == [3, 8, 20]
    stages = Stages([frozenset("a"), frozenset("b")], [3, 20])
    assert [stages.number_at(step) for step in (1, 3, 4, 20)] == [0, 0, 1, 1]


def test_stages_longer_than_the_run_are_refused():
    with pytest.raises(TrainError, match="take 20 steps, the run has 20"):
        stage_ends([AdaptStageRecipe(train=["embeddings"], steps=20), AdaptStageRecipe(train=["all"])], 20)


def test_what_rests_neither_moves_nor_decays_and_wakes_with_fresh_moments():
    masters = {name: torch.nn.Parameter(torch.ones(3)) for name in "ab"}
    stages = Stages([frozenset("a"), frozenset("ab")], [2, 4])
    optimizer = torch.optim.AdamW(masters.values(), lr=0.1, weight_decay=0.5)
    for step in range(1, 5):
        for master in masters.values():
            master.grad = torch.ones(3)
        stages.freeze(masters, step)
        optimizer.step()
        assert masters["b"].equal(torch.ones(3)) == (step <= 2)
    assert int(optimizer.state[masters["a"]]["step"]) == 4 and int(optimizer.state[masters["b"]]["step"]) == 2
