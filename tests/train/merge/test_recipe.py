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
        ({"method": "linear", "models": [{"model": "a", "weight": 0.3}, {"model": "b", "weight": -0.3}]}, "models: the weights sum to 0"),
        (
            {"method": "linear", "models": [{"model": name, "weight": weight} for name, weight in (("a", 0.1), ("b", 0.2), ("c", -0.3))]},
            "the weights sum to 5.55112e-17, so they cannot be normalised",
        ),
        ({"method": "linear", "models": ["a", "b"], "tensors": [{"names": "*", "weights": [1, -1]}]}, r"tensors.0.weights: the weights sum to 0"),
        ({"method": "ties", "base": "o", "models": ["a", {"model": "b", "weight": -1}]}, "models: weight -1 is negative, but ties takes a weighted mean"),
        ({"method": "karcher", "models": ["a", {"model": "b", "weight": -1}]}, "models: weight -1 is negative, but karcher"),
        ({"method": "karcher", "models": ["a"], "normalize": False}, "normalize: not used by karcher"),
        ({"method": "model_stock", "base": "o", "models": ["a"]}, "model_stock needs two models or more"),
        ({"method": "model_stock", "base": "o", "models": ["a", "b"], "scale": 0.5}, "scale: not used by model_stock"),
        ({"method": "della", "base": "o", "models": [{"model": "a", "density": 0.1}]}, r"models.0.density: 0.1 ± 0.15 .epsilon / 2. is not between"),
        ({"method": "dare", "base": "o", "models": ["a"], "epsilon": 0.1}, "epsilon: not used by dare"),
        ({"method": "linear", "models": ["a"], "like": "c"}, "like: c is not one of the merged models"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path, change, message):
    path = tmp_path / "merge.yaml"
    path.write_text(yaml.safe_dump(change))
    with pytest.raises(RecipeError, match=message):
        load_recipe(path, MergeRecipe)


def test_normalising_is_each_papers_choice_unless_the_recipe_says_otherwise():
    def normalizes(method, **settings):
        return MergeRecipe.model_validate({"method": method, "models": ["a"], **({} if method == "linear" else {"base": "o"}), **settings}).normalizes()

    assert [normalizes(method) for method in ("linear", "ties", "dare_ties", "della")] == [True] * 4
    assert [normalizes(method) for method in ("task_arithmetic", "dare", "della_linear")] == [False] * 3
    assert not normalizes("dare_ties", normalize=False) and normalizes("dare", normalize=True)
    MergeRecipe.model_validate({"method": "ties", "base": "o", "normalize": False, "models": ["a", {"model": "b", "weight": -1}]})
    MergeRecipe.model_validate({"method": "della", "base": "o", "models": [{"model": "a", "density": 1.0}]})
