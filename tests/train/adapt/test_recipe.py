import pytest

from shards.errors import RecipeError
from shards.recipe import build_recipe
from train.adapt.recipe import AdaptRecipe


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"train": ["all"], "stages": [{"train": ["all"]}]}, "train and stages: give one of them"),
        ({"quantize": {}}, "cannot be trained; add lora"),
        ({"stages": [{"train": ["embeddings"]}, {"train": ["all"]}]}, "stages.0: every stage but the last needs steps or share"),
        (
            {"stages": [{"train": ["embeddings"], "steps": 3}]},
            "stages.0: every stage but the last needs steps or share, and the last must have neither: it takes the remaining steps",
        ),
        ({"stages": [{"train": ["embeddings"], "steps": 3, "share": 0.5}, {"train": ["all"]}]}, "steps and share: give one of them"),
        ({"lora": {"rnak": 3}}, "lora.rnak: unknown key, did you mean rank"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe, message):
    with pytest.raises(RecipeError, match=message):
        build_recipe(recipe, AdaptRecipe, "adapt.yaml")


@pytest.mark.parametrize(
    ("recipe", "trained"),
    [({}, [["all"]]), ({"lora": {}}, [["adapters"]]), ({"expand": {"blocks": 2}}, [["new_blocks"]]),
     ({"expand": {"blocks": 2}, "lora": {}}, [["adapters", "new_blocks"]]),
     ({"lora": {}, "train": ["adapters", "embeddings"]}, [["adapters", "embeddings"]])],
)  # fmt: skip
def test_only_what_was_added_is_trained_unless_told_otherwise(recipe, trained):
    assert AdaptRecipe.model_validate(recipe).trained() == trained
