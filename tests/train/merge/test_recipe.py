import pytest
import yaml
from transformers import AutoModelForCausalLM

from shards.errors import RecipeError
from shards.recipe import load_recipe
from train.merge.recipe import MergeRecipe


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "slerp", "models": ["a", "b", "c"]}, "slerp is defined between two models, not 3"),
        ({"method": "ties", "models": ["a"]}, "base: ties needs a base model"),
        ({"method": "linear", "models": ["a"], "base": "b"}, "base: linear does not use a base model"),
        ({"method": "residual", "models": ["a"], "base": "b"}, "instruct: residual needs an instruct model"),
        ({"method": "linear", "models": ["a"], "t": 0.1}, "t: not used by linear"),
        ({"method": "linear", "models": ["a"], "tensors": [{"names": "*", "weights": [1, 2]}]}, "one number for each of the 1 models"),
        ({"method": "linear", "models": ["a", {"model": "b", "wieght": 1}]}, "wieght: unknown key, did you mean weight"),
        ({"method": "linear", "models": ["a"], "like": "c"}, "like: c is not one of the merged models"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path, change, message):
    path = tmp_path / "merge.yaml"
    path.write_text(yaml.safe_dump(change))
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, MergeRecipe)
