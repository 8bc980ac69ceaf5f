from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.recipe import CurateRecipe
from curate.redecide import redecide
from curate.run import run
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


def test_rules_by_name_and_a_looser_recipe_take_documents_back(out: Path) -> None:
    found = redecide(out, ["fineweb"], ["language.keep=[]"], None)
    assert found.newly_kept == 2 and found.newly_dropped == 0


def test_a_signal_that_was_not_measured_a_wrong_key_and_a_folder_without_a_run_are_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="was not measured"):
        redecide(out, ["code"], (), None)
    with pytest.raises(RecipeError, match="did you mean language"):
        redecide(out, (), ["langage.keep=[en]"], None)
    with pytest.raises(CurateError, match="no finished run here"):
        redecide(tmp_path, (), (), None)
    with pytest.raises(CurateError, match="give another place"):
        redecide(out, (), (), out)


def test_the_command_tells_what_would_change(out: Path) -> None:
    told = CliRunner().invoke(app, ["decide", "--run", str(out), "--rules", "gopher_quality", "--set", "language.keep=[de]"])
    assert told.exit_code == 0 and "language/not_kept" in told.output
