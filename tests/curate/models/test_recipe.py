import pytest

from curate.models.recipe import CausalRecipe


@pytest.mark.parametrize(
    "given, name, unit",
    [
        ({}, "bits_per_byte", "bits_per_byte"),
        ({"name": "perplexity"}, "perplexity", "perplexity"),
        ({"name": "base_perplexity"}, "base_perplexity", "perplexity"),
        ({"unit": "perplexity"}, "perplexity", "perplexity"),
        ({"name": "surprise"}, "surprise", "bits_per_byte"),
        ({"name": "surprise", "unit": "perplexity"}, "surprise", "perplexity"),
    ],
)
def test_name_and_unit_agree(given: dict[str, str], name: str, unit: str) -> None:
    recipe = CausalRecipe.model_validate({"kind": "causal_lm", "path": "x", **given})
    assert (recipe.name, recipe.unit) == (name, unit)


def test_a_name_that_says_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="this name says perplexity, `unit` says bits_per_byte"):
        CausalRecipe.model_validate({"kind": "causal_lm", "path": "x", "name": "perplexity", "unit": "bits_per_byte"})
