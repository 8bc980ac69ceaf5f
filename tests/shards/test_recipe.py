import pytest
from pydantic import Field

from shards.errors import RecipeError
from shards.recipe import Recipe, load_recipe, recipe_hash


class Inner(Recipe):
    share: float = Field(0.5, ge=0, le=1)


class Outer(Recipe):
    name: str
    sources: dict[str, Inner] = {}
    stages: list[Inner] = []
    out: str = Field("somewhere", exclude=True)


def load(tmp_path, text, overrides=()):
    (tmp_path / "r.yaml").write_text(text)
    return load_recipe(tmp_path / "r.yaml", Outer, overrides)


def test_all_faults_are_named_at_once_with_the_nearest_key(tmp_path):
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "nam: x\nsources: {a: {shar: 1}}\nstages: [{share: 7}]")
    message = str(caught.value)
    assert "nam: unknown key, did you mean name?" in message
    assert "name: required" in message
    assert "sources.a.shar: unknown key, did you mean share?" in message
    assert "stages.0.share" in message and "got 7" in message


def test_variables_and_overrides_are_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("WHO", "me")
    recipe = load(tmp_path, "# ${NOT_SET} in a comment\nname: ${WHO}\nsources: {a: {share: '${SHARE:-0.25}'}}", ["sources.b.share=0.75"])
    assert (recipe.name, recipe.sources["a"].share, recipe.sources["b"].share) == ("me", 0.25, 0.75)
    with pytest.raises(RecipeError, match="NOBODY"):
        load(tmp_path, "name: ${NOBODY}")


def test_excluded_fields_do_not_change_the_hash(tmp_path):
    assert recipe_hash(load(tmp_path, "name: x")) == recipe_hash(load(tmp_path, "name: x\nout: elsewhere"))
    assert recipe_hash(load(tmp_path, "name: x")) != recipe_hash(load(tmp_path, "name: y"))


@pytest.mark.parametrize("text, said", [("- a list", "mapping"), ("a: [", "not valid YAML")])
def test_what_is_not_a_mapping_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(RecipeError, match=said) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"nowhere\.yaml: no such recipe"):
        load_recipe(tmp_path / "nowhere.yaml", Outer)
