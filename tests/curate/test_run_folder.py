"""Commands that ask a finished run, on folders that are none: one line that says what is there and what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.errors import CptkitError
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe
from tests.records import edit

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
    assert all("run.json: not readable JSON" in told and "rerun the same `curate run`" in told for told in refusals(out))


@pytest.mark.parametrize(
    "n_tasks, said", [(0, "they measured 0 documents, but the run has signals of 1"), (2, "task 1 is not finished"), (1 << 53, "task 1 is not finished")]
)
def test_another_number_of_tasks_is_refused(out: Path, n_tasks: int, said: str) -> None:
    edit(out / "work" / "run.json", lambda record: record.update(n_tasks=n_tasks))
    assert all(said in told for told in refusals(out))


def test_one_set_of_a_run_points_to_the_folder_above(out: Path) -> None:
    assert all("give the folder above it" in told for told in refusals(out / "documents"))


def test_a_run_whose_measured_tables_are_gone_says_so(out: Path) -> None:
    folder = out / "work" / json.loads((out / "work" / "run.json").read_text())["measured"]
    folder.rename(out.parent / "away")
    told = CliRunner().invoke(app, ["decide", "--run", str(out)])
    assert isinstance(told.exception, CptkitError) and "its measured tables are missing" in str(told.exception)


BINS = {"rule": "a/b", "drop_if": "<", "threshold": 1.0, "edges": [0.0, 1.0], "documents": []}
CANNOT_BE = {
    "report.json": [
        (lambda told: told.update(kept_languages="en"), "kept_languages"),
        (lambda told: told.update(synthetic=7), "synthetic"),
        (lambda told: told["counts"].update(kept=-1), "counts.kept"),
        (lambda told: told["duplicates"].pop("largest_cluster"), "duplicates.largest_cluster: missing"),
        (lambda told: told["sources"]["in"].update(bytes_kept="x"), "sources.in.bytes_kept"),
        (lambda told: told["funnel"].append({"stage": "rules", "rule": "a/b", "documents": 0, "bytes": 0, "remaining": 0}), "a/b of the funnel is missing"),
        (
            lambda told: told["histograms"].append({"rule": "a/b", "drop_if": "<", "threshold": 1.0, "edges": [0.0, 1.0], "documents": []}),
            "0 counts for 2 edges",
        ),
    ],
    "timings.json": [
        (lambda told: told["stages"][0].update(tasks="x"), "stages.0.tasks"),
        (lambda told: told.update(steps=[]), "steps"),
        (lambda told: told["stages"].insert(0, {}), "stages.0.stage: missing"),
    ],
    "documents/manifest.json": [
        (lambda told: told["info"].pop("inputs"), "info: inputs: missing"),
        (lambda told: told["info"]["inputs"].insert(0, 1), "info: inputs.0"),
        (lambda told: told["recipe"].update(rewrite="x"), "recipe: rewrite"),
        (lambda told: told["recipe"].update(dedup={}), "recipe: dedup.before_rules: missing"),
    ],
}


@pytest.mark.parametrize("command", ["report", "card"])
@pytest.mark.parametrize("name", CANNOT_BE)
def test_figures_that_cannot_be_are_named_by_the_page_and_the_card(out: Path, name: str, command: str) -> None:
    whole = (out / name).read_bytes()
    for change, said in CANNOT_BE[name]:
        edit(out / name, change)
        result = CliRunner().invoke(app, [command, "--run", str(out)])
        assert isinstance(result.exception, CptkitError), (said, result.output, result.exception)
        assert f"{name}: " in str(result.exception) and said in str(result.exception), str(result.exception)
        (out / name).write_bytes(whole)
    assert CliRunner().invoke(app, [command, "--run", str(out)]).exit_code == 0
