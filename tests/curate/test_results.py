"""Commands that ask a finished run, on folders that are none: one line that says what is there and what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.recipe import CurateRecipe
from curate.run import run
from shards.errors import CptkitError
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe

COMMANDS = (["decide"], ["why", "5f0c"], ["sample", "--kept"], ["report"], ["card"], ["rehydrate"], ["percentiles", "--signal", "n_words"])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(jsonl([{"text": document(1)}]))
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", rules=[], dedup={"minhash": None}))
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
    return tmp_path / "out"


def refusals(folder: Path) -> list[str]:
    """What each command says of the folder."""
    told = []
    for command in COMMANDS:
        result = CliRunner().invoke(app, [*command, "--run", str(folder)])
        assert isinstance(result.exception, CptkitError), (command, result.output, result.exception)
        told.append(str(result.exception))
    return told


def test_what_is_not_there_a_file_and_a_foreign_folder_are_named(tmp_path: Path) -> None:
    assert all("no such folder" in told for told in refusals(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("x")
    assert all("a file" in told for told in refusals(tmp_path / "file"))
    assert all("no finished run here; give the folder" in told for told in refusals(tmp_path))


def test_a_run_that_has_not_ended_is_named_so(out: Path) -> None:
    record = (out / "work" / "run.json").read_bytes()
    (out / "work" / "run.json").unlink()  # so it is while sets are exchanged, and after a kill in that moment
    assert all("under way or was stopped" in told for told in refusals(out))
    (out / "work" / "run.json").write_bytes(record[:5])
    assert all("under way or was stopped" in told for told in refusals(out))


def test_one_set_of_a_run_points_to_the_folder_above(out: Path) -> None:
    assert all("give the folder above it" in told for told in refusals(out / "documents"))


def test_a_run_whose_measured_tables_are_gone_says_so(out: Path) -> None:
    folder = out / "work" / json.loads((out / "work" / "run.json").read_text())["measured"]
    folder.rename(out.parent / "away")
    told = CliRunner().invoke(app, ["decide", "--run", str(out)])
    assert isinstance(told.exception, CptkitError) and "what it measured is gone" in str(told.exception)
