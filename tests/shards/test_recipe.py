from pathlib import Path

import pytest
from pydantic import Field

from shards.errors import RecipeError
from shards.recipe import Recipe, build_recipe, load_recipe, load_run_recipe, recipe_hash


class Inner(Recipe):
    share: float = Field(0.5, ge=0, le=1)


class Named(Recipe):
    name: str
    limits: dict[str, float] = {}


class Outer(Recipe):
    name: str
    sources: dict[str, Inner] = {}
    stages: list[Inner] = []
    rules: tuple[Named, ...] = Field((Named(name="a"), Named(name="b")), min_length=1)
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
def test_a_recipe_that_is_not_a_mapping_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(RecipeError, match=said) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"nowhere\.yaml: no such recipe"):
        load_recipe(tmp_path / "nowhere.yaml", Outer)


def test_list_items_are_addressed_by_name_also_in_a_default_list(tmp_path):
    by_default = load(tmp_path, "name: x", ["rules.b.limits.top=2"])
    assert [(rule.name, rule.limits) for rule in by_default.rules] == [("a", {}), ("b", {"top": 2.0})]
    given = load(tmp_path, "name: x\nrules: [{name: c}, {name: d, limits: {low: 1}}]", ["rules.d.limits.top=2", "rules.0.name=e"])
    assert load(tmp_path, "name: x\nrules: [{name: my/own.yaml}]", ["rules.own.limits.top=2"]).rules[0].limits == {"top": 2.0}
    assert [(rule.name, rule.limits) for rule in given.rules] == [("e", {}), ("d", {"low": 1.0, "top": 2.0})]


@pytest.mark.parametrize(
    "override, said",
    [
        ("rules.c.limits.top=2", "--set rules.c.limits.top=2: the list has no item c; it has a, b"),
        ("rules.7.name=x", "the list has no item 7; it has a, b"),
        ("stages.x=1", "the list has no item x; it has none"),
        ("stages.0.share=1", "the list has no item 0"),
        ("name=[", "the value is not valid YAML"),
    ],
)
def test_an_override_of_an_unknown_item_or_value_is_reported_in_one_line(tmp_path, override, said):
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "name: x\nstages: []", [override])
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_fault_inside_a_list_is_not_also_reported_as_a_short_list(tmp_path):
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "name: x\nrules: [{name: a, limit: {}}]")
    assert str(caught.value).endswith("rules.0.limit: unknown key, did you mean limits?")
    with pytest.raises(RecipeError, match="rules: Tuple should have at least 1 item"):
        load(tmp_path, "name: x\nrules: []")


def test_overrides_leave_the_values_they_were_applied_to_alone():
    raw = {"name": "x", "sources": {"a": {"share": 0.5}}}
    assert build_recipe(raw, Outer, "here", ["sources.a.share=1"]).sources["a"].share == 1
    assert raw == {"name": "x", "sources": {"a": {"share": 0.5}}}


def test_a_number_in_place_of_text_is_reported_with_the_advice_to_quote_it(tmp_path):
    with pytest.raises(RecipeError, match=r"name: .*got 2\.0\); put it in quotes"):
        load(tmp_path, "name: 2.0")
    assert load(tmp_path, "name: '2.0'").name == "2.0"


@pytest.mark.parametrize("value", [".nan", ".inf", "1e999", "-.inf"])
def test_numbers_that_are_not_finite_are_refused(tmp_path, value):
    with pytest.raises(RecipeError, match=r"sources\.a\.share"):
        load(tmp_path, f"name: x\nsources: {{a: {{share: {value}}}}}")


def test_the_home_folder_is_expanded_anywhere_in_a_recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    recipe = load(tmp_path, "name: ~/corpus\nout: ~", ["out=~/runs/1"])
    assert (recipe.name, recipe.out) == ("/home/somebody/corpus", "/home/somebody/runs/1")
    assert load(tmp_path, "name: a ~/b").name == "a ~/b"


def test_the_command_line_overrides_the_recipe_and_other_options_override_set(tmp_path):
    (tmp_path / "r.yaml").write_text("name: x\nout: recipe\nsources: {a: {share: 0.1}}")

    def loaded(overrides, **options):
        return load_recipe(tmp_path / "r.yaml", Outer, overrides, options)

    assert loaded(None, out=None).out == "recipe"
    assert loaded(["out=set"]).out == "set"
    assert loaded(["out=set", "out=later"]).out == "later"
    assert loaded(["out=set"], out=tmp_path).out == str(tmp_path)
    assert loaded(["sources.a.share=0.2"], **{"sources.a.share": 0.3}).sources["a"].share == 0.3
    assert loaded([], rules=[], name=None).rules[0].name == "a"


@pytest.mark.parametrize("out", ["010", "a: b", "[x]", "no", "#1"])
def test_the_value_of_an_option_is_taken_as_it_was_typed(tmp_path, out):
    assert build_recipe({"name": "x"}, Outer, "here", options={"out": Path(out)}).out == out


def test_a_wrong_value_of_an_option_is_reported_with_its_key(tmp_path):
    with pytest.raises(RecipeError, match=r"here: sources\.a\.share: .* \(got 7\)"):
        build_recipe({"name": "x"}, Outer, "here", options={"sources.a.share": 7})
    with pytest.raises(RecipeError, match=r"--name\.x: name holds a plain value, not keys"):
        build_recipe({"name": "x"}, Outer, "here", options={"name.x": 1})


def test_a_run_without_an_output_folder_is_refused(tmp_path):
    (tmp_path / "r.yaml").write_text("name: x\nout: ''")
    with pytest.raises(RecipeError, match=r"r\.yaml: no output folder; set `out` or give --out DIR"):
        load_run_recipe(tmp_path / "r.yaml", Outer)
    assert load_run_recipe(tmp_path / "r.yaml", Outer, (), {"out": tmp_path})[1] == tmp_path
