"""Keys that people write as the documentation has them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.recipe import CurateRecipe
from shards.errors import RecipeError
from shards.recipe import load_recipe
from tests.curate.corpus import document, recipe
from tests.curate.read.inputs import one_file, recipe_of, refusal


def load(tmp_path: Path, text: str, *overrides: str) -> CurateRecipe:
    (tmp_path / "r.yaml").write_text("name: t\ninputs: [a.jsonl]\n" + text)
    return load_recipe(tmp_path / "r.yaml", CurateRecipe, overrides)


def test_off_no_and_norwegian_are_what_they_say(tmp_path: Path) -> None:
    found = load(tmp_path, "unicode: off\nlanguage: {keep: [no], min_confidence: {no: 0.5, default: 0.1}}\nrewrite: {pii: {regions: [NO, SE]}}")
    assert found.unicode == "off" and found.language and found.rewrite.pii
    assert found.language.keep == ("no",) and found.language.min_confidence == {"no": 0.5, "default": 0.1}
    assert tuple(found.rewrite.pii.regions) == ("NO", "SE")
    assert load(tmp_path, "", "unicode=off", "language.keep=[no]").language.keep == ("no",)  # type: ignore[union-attr]


@pytest.mark.parametrize("word, value", [("no", False), ("off", False), ("yes", True), ("true", True), ("false", False)])
def test_switches_take_all_their_words(tmp_path: Path, word: str, value: bool) -> None:
    assert load(tmp_path, f"dedup: {{exact: {word}}}").dedup.exact is value
    assert load(tmp_path, "", f"dedup.exact={word}").dedup.exact is value


def test_a_part_that_is_switched_off_by_a_word_is_told_of_null(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"language: .*null switches it off"):
        load(tmp_path, "language: off")


def test_a_wrong_key_of_an_input_is_the_only_fault(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "", "inputs=[{path: a, formt: text}]")
    assert str(caught.value).endswith("inputs.0.formt: unknown key, did you mean format?")


def test_one_threshold_of_a_default_rule_set_can_be_set(tmp_path: Path) -> None:
    found = load(tmp_path, "", "rules.gopher_quality.thresholds.gopher_short_doc=400")
    assert [rules.name for rules in found.rules] == ["gopher_quality", "gopher_repetition", "fineweb"]
    assert found.rules[0].thresholds == {"gopher_short_doc": 400}


def test_names_alone_where_more_is_meant(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: a\ninputs: [{path: a, extract: trafilatura}]\n")
    assert load_recipe(tmp_path / "r.yaml", CurateRecipe).inputs[0].extract.name == "trafilatura"
    (tmp_path / "r.yaml").write_text("name: a\ninputs: [{path: ''}]\nrules: prose\n")
    with pytest.raises(RecipeError, match=r"inputs.0.path: give a file, a folder or a pattern.*write a list: \[prose\]"):
        load_recipe(tmp_path / "r.yaml", CurateRecipe)


def test_an_unknown_recipe_key_gives_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"inputs\.0.text_colum: unknown key, did you mean text_column\?"):
        recipe_of(tmp_path, tmp_path, inputs=[{"path": "x", "text_colum": "body"}])
    with pytest.raises(RecipeError, match=r"dedup\.minhash\.bucket: unknown key, did you mean buckets\?"):
        recipe_of(tmp_path, tmp_path, dedup={"minhash": {"bucket": 3}})


def test_wrong_rules_words_and_models_are_refused_before_any_work(tmp_path: Path) -> None:
    one_file(tmp_path, "a.txt", document(1).encode())
    folder = tmp_path / "in"
    assert "no rule set is called gofer" in refusal(tmp_path, folder, rules=["gofer"])
    assert "no rule is called short; it has: gopher_short_doc" in refusal(tmp_path, folder, rules=[{"name": "gopher_quality", "skip": ["short"]}])
    assert "no such file; `curate fetch-model" in refusal(tmp_path, folder, language={"model": "lid.bin"})
    assert "spacy:qqq" in refusal(tmp_path, folder, words="spacy:qqq")
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_output_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path))
    result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml")])
    assert isinstance(result.exception, RecipeError) and "no output folder; set `out` or give --out DIR" in str(result.exception)
