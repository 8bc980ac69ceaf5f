from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.inspect.redecide import redecide
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.errors import RecipeError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redecide")
    (folder / "in").mkdir()
    for number in range(2):
        texts = [document(10 * number + index) for index in range(8)] + ["Too short to be of use to the people of the town, and that is that."]
        (folder / "in" / f"{number}.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    (folder / "recipe.yaml").write_text(recipe(folder / "in", dedup={"exact": False, "minhash": None}))
    run(load_recipe(folder / "recipe.yaml", CurateRecipe), folder / "out", 1)
    return folder / "out"


def rerun(out: Path, tmp_path: Path, **changes: object) -> pl.DataFrame:
    """The verdicts of a run from the start with the changed recipe."""
    (tmp_path / "recipe.yaml").write_text(recipe(out.parent / "in", **{"dedup": {"exact": False, "minhash": None}} | changes))
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "again", 1)
    return pl.DataFrame(ShardSet(tmp_path / "again" / "verdicts").to_table())


def test_the_same_rules_change_nothing(out: Path) -> None:
    found = redecide(out, (), (), None)
    assert (found.documents, found.kept, found.newly_dropped, found.newly_kept) == (18, 16, 0, 0)


def test_other_rules_give_the_verdicts_of_a_run_with_them(out: Path, tmp_path: Path) -> None:
    stricter = [{"name": "gopher_quality", "thresholds": {"gopher_short_doc": 400}}]
    found = redecide(out, (), ["rules=[{name: gopher_quality, thresholds: {gopher_short_doc: 400}}]"], tmp_path / "verdicts")
    expected = rerun(out, tmp_path, rules=stricter)
    assert pl.DataFrame(ShardSet(tmp_path / "verdicts").to_table()).equals(expected)
    assert found.newly_dropped > 0 and found.kept == 18 - expected.select("file", "row").unique().height
    assert sum(row[2] for row in found.funnel) == 18 - found.kept


@pytest.mark.parametrize(
    "override",
    [
        "language.keep=[de]",
        "language.min_confidence=1",
        "language.min_confidence={default: 0, en: 1}",
        "rules=[]",
        "rules.gopher_quality.thresholds.gopher_short_doc=165",
    ],
)
def test_each_key_that_decides_gives_what_a_run_with_it_gives(out: Path, tmp_path: Path, override: str) -> None:
    found = redecide(out, (), [override], None)
    (tmp_path / "recipe.yaml").write_text(recipe(out.parent / "in", dedup={"exact": False, "minhash": None}))
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe, [override]), tmp_path / "again", 1)
    before, after = (set(pl.DataFrame(ShardSet(folder / "documents").to_table(["file", "row"])).iter_rows()) for folder in (out, tmp_path / "again"))
    assert (found.kept, found.newly_dropped, found.newly_kept) == (len(after), len(before - after), len(after - before))
    assert before != after


def test_a_changed_rule_set_is_compared_with_what_the_run_dropped_not_with_what_the_file_says_now(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(jsonl([{"text": document(1)}, {"text": document(2, 3)}]))
    rules = tmp_path / "mine.yaml"
    rules.write_text("{name: mine, dialect: own, source: here, rules: [{name: short, value: n_words, drop_if: '<', threshold: 100}]}")
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", rules=[str(rules)]))
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
    rules.write_text(rules.read_text().replace("100", "1"))
    assert redecide(tmp_path / "out", (), (), None).newly_kept == 1


@pytest.mark.parametrize(
    "override, said",
    [
        ("dedup.exact=true", "rerun `curate run` with this change"),
        ("held_out.share=0.5", "rerun `curate run` with this change"),
        ("keep_signals=[n_words]", "rerun `curate run` with this change"),
        ("dedup.minhash={}", "changes what is measured"),
        ("decontaminate={evals: [{path: x.jsonl}]}", "changes what is measured"),
        ("rewrite.pii={}", "changes what is measured"),
        ("rewrite.c4={}", "changes what is measured"),
        ("lists.bad_words={path: words.txt}", "changes what is measured"),
        ("unicode=normalize", "changes what is measured"),
        ("words=auto", "changes what is measured"),
        ("signals=[code]", "changes what is measured"),
        ("language.max_bytes=100", "changes what is measured"),
        ("inputs.0.path=elsewhere", "changes what is measured"),
    ],
)
def test_a_key_that_needs_a_run_is_refused_and_not_told_as_no_change(out: Path, override: str, said: str) -> None:
    with pytest.raises(CurateError, match=said) as caught:
        redecide(out, (), [override], None)
    assert str(caught.value).startswith(f"--set {override.split('=')[0].split('.')[0]}")


def test_a_threshold_is_set_by_the_name_of_its_rule_set(out: Path) -> None:
    changed = redecide(out, (), ["rules.gopher_quality.thresholds.gopher_short_doc=400"], None)
    assert changed.newly_dropped > 0
    assert changed == redecide(out, (), ["rules.0.thresholds.gopher_short_doc=400"], None)
    with pytest.raises(RecipeError, match="has no item gopher_qualty; it has gopher_quality, gopher_repetition, fineweb"):
        redecide(out, (), ["rules.gopher_qualty.thresholds.gopher_short_doc=400"], None)


def test_rules_by_name_and_a_looser_recipe_take_documents_back(out: Path) -> None:
    found = redecide(out, ["fineweb"], ["language.keep=[]"], None)
    assert found.newly_kept == 2 and found.newly_dropped == 0


def test_a_signal_that_was_not_measured_and_a_wrong_key_are_refused(out: Path) -> None:
    with pytest.raises(CurateError, match="was not measured"):
        redecide(out, ["code"], (), None)
    with pytest.raises(RecipeError, match="did you mean language"):
        redecide(out, (), ["langage.keep=[en]"], None)
    with pytest.raises(CurateError, match="give another folder"):
        redecide(out, (), (), out)


def test_the_command_tells_what_would_change(out: Path) -> None:
    told = CliRunner().invoke(app, ["decide", "--run", str(out), "--rules", "gopher_quality", "--set", "language.keep=[de]"])
    assert told.exit_code == 0 and "language/not_kept" in told.output
