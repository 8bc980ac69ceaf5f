import pytest
from pydantic import ValidationError

from curate.languages.recipe import LanguageRecipe


@pytest.mark.parametrize("value", [0, 1, 0.65, "fineweb2", {"default": 0.65, "swh_Latn": 0.3}])
def test_confidence_is_a_probability_a_table_of_them_or_fineweb2s(value: object) -> None:
    assert LanguageRecipe.model_validate({"min_confidence": value}).min_confidence == value


@pytest.mark.parametrize(
    "key, value", [("min_confidence", 1.1), ("min_confidence", "fineweb"), ("min_confidence", {"sw": 2}), ("max_bytes", 63), ("candidates", 0)]
)
def test_values_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        LanguageRecipe.model_validate({key: value})
