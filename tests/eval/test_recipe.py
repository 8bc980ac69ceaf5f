import pytest

from eval.recipe import EvaluateRecipe
from shards.errors import RecipeError
from shards.recipe import build_recipe

FIELDS = {"name": "t", "models": {"base": "b", "one": "o", "two": "t"}, "baseline": "base", "domains": {"law": "l", "med": "m"}, "out": "x"}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"recipes": {"a": ["one", "three"]}}, r"recipes.a: no model is called three, models are base, one, two"),
        ({"recipes": {"a": ["one"], "b": ["two", "one"]}}, r"recipes.b: one is already a run of a"),
        ({"recipes": {"one": ["one"]}}, r"recipes: one is also the name of a model"),
        ({"recipes": {"a": []}}, r"recipes.a: no models"),
        ({"recipes": {"a": ["one"], "b": ["two"]}}, r"each has a single run, .* add runs, or give seed_noise"),
        ({"seed_noise": {"web": 0.1}}, r"seed_noise: no domain is called web, domains are law, med"),
        ({"chain": [{"model": "one", "domain": "law"}]}, r"chain: one step has nothing to transfer to"),
        ({"chain": [{"model": "one", "domain": "law"}, {"model": "two", "domain": "law"}]}, r"chain: a domain appears twice"),
        ({"chain": [{"model": "base", "domain": "law"}, {"model": "two", "domain": "med"}]}, r"chain: base is the baseline"),
        ({"chain": [{"model": "one", "domain": "law"}, {"model": "two", "domain": "web"}]}, r"chain: no domain is called web"),
        ({"context_tokens": 1, "bos_every_window": True}, r"context_tokens: 1 leaves no room"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, words):
    with pytest.raises(RecipeError, match=words):
        build_recipe(FIELDS | changes, EvaluateRecipe, "e.yaml")


def test_single_runs_are_recipes_if_the_noise_between_seeds_is_known():
    assert build_recipe(FIELDS | {"recipes": {"a": ["one"]}, "seed_noise": 0.01}, EvaluateRecipe, "e.yaml").recipes == {"a": ["one"]}
