"""The page and the card, from the folder of a real run."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.report.card import write_card
from curate.report.histograms import edges
from curate.report.page import _short, _ticks, draw_histogram, dropped_bins, render, write_page
from curate.rules.ruleset import Rule
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "in").mkdir()
    texts = [*(document(index) for index in range(12)), document(3), "<script>alert('| x')</script> is too short", None]
    (folder / "in" / "a|b.jsonl").write_bytes(jsonl([{"text": text, "url": f"http://h{index}.org/"} for index, text in enumerate(texts)]))
    inputs = [{"path": str(folder / "in"), "license": "CC0-1.0"}]
    (folder / "recipe.yaml").write_text(recipe(folder / "in", inputs=inputs, held_out={"share": 0.2}))
    run(load_recipe(folder / "recipe.yaml", CurateRecipe), folder / "out", 1)
    return folder / "out"


def test_commands_in_warnings_are_shown_as_code_and_their_words_as_text(out: Path) -> None:
    report, timings = (json.loads((out / name).read_text()) for name in ("report.json", "timings.json"))
    page = render(report | {"warnings": [{"kind": "x", "text": "take `rules: [prose]`, not <b>x</b>", "rule": ""}]}, timings)
    assert "take <code>rules: [prose]</code>, not &lt;b&gt;x&lt;/b&gt;" in page


def test_the_page_holds_every_rule_that_fired_and_every_cut_and_fetches_nothing(out: Path) -> None:
    page = write_page(out, None).read_text()
    report = json.loads((out / "report.json").read_text())
    HTMLParser().feed(page)
    assert all(row["rule"].rsplit("/", 1)[1] in page for row in report["rules"])
    assert page.count("<svg") == sum(any(one["documents"]) for one in report["histograms"]) > 5
    assert "&lt;script&gt;alert" in page and "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "measuring" in page and "signals" in page  # where the time went


def test_what_a_rule_drops_is_red_up_to_its_threshold() -> None:
    histogram = {"rule": "s/r", "drop_if": "<", "threshold": 0.5, "edges": [0, 0.25, 0.5, 0.75, 1.0], "documents": [1, 2, 3, 4]}
    red = "#b3361d"
    assert draw_histogram(histogram).count(red) == 2 and draw_histogram(histogram | {"drop_if": ">", "threshold": 0.75}).count(red) == 1


@pytest.mark.parametrize("drop_if, threshold, dropped", [("<", 1.0, [True] * 3 + [False]), ("<=", 1.0, [True] * 3 + [False]), (">", 0.0, [False] + [True] * 3)])
def test_a_bin_that_also_counts_values_beyond_the_end_is_not_dropped_by_its_edge(drop_if: str, threshold: float, dropped: list[bool]) -> None:
    histogram = {"rule": "s/r", "drop_if": drop_if, "threshold": threshold, "edges": [0, 0.25, 0.5, 0.75, 1.0]}
    assert dropped_bins(histogram).tolist() == dropped


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.01, 0.67, 1.0, 1.5, 50.0, 1e5, 1e8])
def test_ticks_are_labelled_ascending_and_far_enough_apart_to_read(threshold: float) -> None:
    limits = edges(Rule(name="r", value="x", drop_if="<", threshold=threshold))
    ticks = _ticks(limits, threshold)
    positions = np.interp(ticks, limits, np.arange(len(limits)))
    assert len(ticks) >= 2 and (np.diff(positions) >= 3).all() and len({_short(value) for value in ticks}) == len(ticks)


def test_rules_that_no_value_came_near_are_folded_away_and_zeros_are_not_shown(out: Path) -> None:
    report, timings = (json.loads((out / name).read_text()) for name in ("report.json", "timings.json"))
    quiet = {"rule": "s/quiet", "drop_if": ">", "threshold": 0.9, "edges": [number / 48 for number in range(49)], "documents": [500] + [0] * 47}
    loud = quiet | {"rule": "s/loud", "documents": [490] + [0] * 41 + [10] + [0] * 5}
    flag = {"rule": "s/flag", "drop_if": ">", "threshold": 0.0, "edges": [-0.5, 0.5, 1.5], "documents": [500, 0]}
    page = render(report | {"histograms": [quiet, loud, flag], "changed": {"pii_emails": 3, "pii_ips": 0}}, timings)
    shown, folded = page.split("2 rules whose threshold fewer than 1 document in 100 came near")
    assert "thresholds.loud=0.9" in shown and "thresholds.quiet" not in shown and "thresholds.quiet=0.9" in folded and "thresholds.flag=0" in folded
    assert "pii emails 3" in page and "pii ips" not in page and "0.0 MB" not in page


def test_the_commands_beside_a_chart_run(out: Path) -> None:
    page = html.unescape(write_page(out, None).read_text())
    commands = [re.search(rf"<code>curate ({name} --run OUT .*?)</code>", page)[1] for name in ("sample", "decide")]  # type: ignore[index]
    for command in commands:
        result = CliRunner().invoke(app, command.replace("OUT", str(out)).split())
        assert result.exit_code == 0, result.output


def test_the_card_has_valid_metadata_sources_funnel_and_the_recipe_that_was_run(out: Path) -> None:
    card = write_card(out, None).read_text()
    _, metadata, body = card.split("---\n", 2)
    found = yaml.safe_load(metadata)
    assert found["license"] == "cc0-1.0" and found["language"] == ["en"] and found["size_categories"] == ["n<1K"]
    assert [one["split"] for one in found["configs"][0]["data_files"]] == ["train", "test"]
    stored = yaml.safe_load(re.search(r"```yaml\n(.*?)```", body, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert CurateRecipe.model_validate(stored).model_dump(mode="json") == stored
    report = json.loads((out / "report.json").read_text())
    assert all(f"| {row['rule']} |" in body for row in report["funnel"]) and "| CC0-1.0 |" in body
    rows = [line for line in body.split("\n") if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") in (3, 6, 8) for line in rows)


def test_commands_write_where_they_are_told_and_refuse_a_folder_without_a_run(out: Path, tmp_path: Path) -> None:
    for command, name in (("report", "p.html"), ("card", "c.md")):
        result = CliRunner().invoke(app, [command, "--run", str(out), "--out", str(tmp_path / name)])
        assert result.exit_code == 0 and (tmp_path / name).stat().st_size > 1000
    with pytest.raises(CurateError, match="no finished run here"):
        write_card(tmp_path, None)


def test_a_rerun_leaves_no_page_of_the_figures_before(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(jsonl([{"text": document(index)} for index in range(4)]))

    def rerun(**changes: object) -> Path:
        (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", rules=[], dedup={"minhash": None}, **changes))
        run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
        return tmp_path / "out"

    out = rerun()
    pages = [write_page(out, None), write_card(out, None)]
    rerun()
    assert all(page.exists() for page in pages)
    rerun(language={"keep": ["de"]})
    assert not any(page.exists() for page in pages)
