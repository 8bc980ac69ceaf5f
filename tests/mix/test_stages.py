import numpy as np
import pytest

from mix.errors import MixError
from mix.recipe import StageRecipe
from mix.stages import SourceSize, plan_stages

SIZES = [SourceSize("web", "web", 1000), SourceSize("med", "med", 10)]
GROUPS = [SourceSize("t.law", "t", 300), SourceSize("t.art", "t", 100), SourceSize("web", "web", 1000)]


def asked(sources=SIZES, **stage):
    found = plan_stages([StageRecipe.model_validate(stage)], sources, 64)
    return found.shares.cumulative[-1].tolist()


def test_weights_share_the_tokens():
    assert asked(tokens=100, weights={"web": 3, "med": 1}) == [75, 25]


def test_temperature_raises_sizes_to_its_inverse():
    assert asked(tokens=1010, temperature=1) == pytest.approx([1000, 10])
    assert asked(tokens=110, temperature=2) == pytest.approx([100, 10], rel=1e-9)
    assert asked(tokens=100, temperature=1e9) == pytest.approx([50, 50])


def test_temperature_is_multiplied_with_weights():
    assert asked(tokens=120, temperature=2, weights={"web": 1, "med": 2}) == pytest.approx([100, 20])


def test_amounts_alone_make_a_stage():
    assert asked(amounts={"web": "5K", "med": "2 epochs"}) == [5000, 20]


def test_amounts_come_first_and_weights_share_the_rest():
    assert asked(tokens=100, amounts={"med": "2 epochs"}, weights={"web": 1}) == pytest.approx([80, 20])


def test_more_amounts_than_tokens_are_refused():
    with pytest.raises(MixError, match=r"stage all: its amounts are 200 tokens, but the stage has 100"):
        asked(tokens=100, amounts={"med": 200}, weights={"web": 1})


def test_a_weight_for_a_split_source_is_shared_by_the_size_of_its_groups():
    assert asked(GROUPS, tokens=100, weights={"t": 1, "web": 1}) == pytest.approx([37.5, 12.5, 50])
    assert asked(GROUPS, tokens=100, weights={"t.law": 2, "t": 1, "web": 1}) == pytest.approx([50, 25, 25])
    assert asked(GROUPS, amounts={"t": 100, "web": 1}) == pytest.approx([75, 25, 1])
    assert asked(GROUPS, amounts={"t": "2 epochs"}) == pytest.approx([600, 200, 0])


def test_a_named_group_is_not_counted_in_the_weight_of_its_source():
    assert asked(GROUPS, tokens=100, amounts={"t": 40}, weights={"t.law": 1, "web": 2}) == pytest.approx([20, 40, 40])


def test_groups_that_are_not_there_are_refused_by_name():
    with pytest.raises(MixError, match=r"weights for t\.tax, but the sources are t\.law, t\.art, web"):
        asked(GROUPS, tokens=100, weights={"t.tax": 1})


def test_weights_of_empty_sources_alone_are_refused():
    with pytest.raises(MixError, match="stage all: at some point no source with tokens has a weight"):
        asked([SourceSize("web", "web", 0)], tokens=100, temperature=2)


def test_passes_repeat_a_stage_at_the_same_shares():
    stages = [StageRecipe(name="s", tokens=100, weights={"web": 1, "med": 1}, passes=3), StageRecipe(name="end", tokens=50, weights={"web": 1})]
    found = plan_stages(stages, SIZES, 64)
    assert found.names == ["s 1/3", "s 2/3", "s 3/3", "end"] and found.stage.tolist() == [0, 1, 2, 3]
    assert found.shares.cumulative[-1].tolist() == [200, 150]


def test_pieces_of_a_curve_belong_to_their_stage_and_state_their_error():
    stages = [
        StageRecipe.model_validate({"tokens": 1000, "weights": {"web": 1, "med": {"from": 0, "to": 1, "curve": "cosine"}}}),
        StageRecipe(tokens=10, weights={"web": 1}),
    ]
    found = plan_stages(stages, SIZES, 64)
    assert 0 < found.error[0] <= 1e-4 and found.error[1] == 0
    assert np.bincount(found.stage, found.shares.piece_tokens) == pytest.approx([1000, 10])
