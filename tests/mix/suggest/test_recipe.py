import re

import pytest

from mix.suggest.recipe import SuggestRecipe
from shards.errors import RecipeError
from shards.recipe import build_recipe

LEAST = {"fit": "fit", "target": {"law": 1}, "out": "out"}


def build(**changes: object) -> SuggestRecipe:
    return build_recipe(LEAST | changes, SuggestRecipe, "suggest.yaml")


def test_increases_and_shares_are_numbers_or_percentages():
    recipe = build(budget={"max_general_increase": "2%", "increase": {"code": 0.015}}, bounds={"law": ["5%", 0.5]}, prior={"law": "30%", "web": 0.7})
    assert (recipe.budget.max_general_increase, recipe.budget.increase, recipe.bounds) == (0.02, {"code": 0.015}, {"law": (0.05, 0.5)})
    assert recipe.prior == {"law": 0.3, "web": 0.7}


def test_a_source_is_an_amount_or_folders():
    sizes = build(sources={"a": {"tokens": "5B"}, "b": {"tokens": "out/b"}, "c": {"tokens": ["c0", "c1"]}}, tokens="1B").sources
    assert sizes["a"].tokens == 5_000_000_000 and [str(path) for path in sizes["c"].tokens] == ["c0", "c1"] and str(sizes["b"].tokens[0]) == "out/b"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"budget": {"max_general_increase": 2}}, "budget.max_general_increase: 2 would be 200%; write 2%, or a number below 1"),
        ({"budget": {"max_general_increas": 0.1}}, "unknown key, did you mean max_general_increase?"),
        ({"bounds": {"law": [0.5, 0.2]}}, "law: 0.5 is above 0.2; write [smallest, largest]"),
        ({"prior": {"law": 0.5, "web": 0.4}}, "prior: the shares sum to 0.9; make them sum to 1"),
        ({"target": {"law": 0}}, "target: all weights are 0"),
        ({"sources": {"law": {"tokens": "1B"}}}, "tokens: required with `sources`"),
        ({"mix": "mix.yaml", "sources": {"law": {"tokens": "1B"}}, "tokens": "1B"}, "sources: the sizes of the sources are read from `mix`"),
        ({"prior_strength": "strong"}, "prior_strength"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(changes, said):
    with pytest.raises(RecipeError, match=re.escape(said)):
        build(**changes)
