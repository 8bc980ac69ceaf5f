"""What a run warns of, from its figures alone, and where the warnings are seen."""

import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.report.warnings import command, warnings
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe

RUSSIAN = "Капитан вышел из гавани рано утром, когда над рекой ещё стоял туман, и долго смотрел на огни деревни за мостом. "


def figures(read: int = 100, kept: int = 100, held_out: int = 0, **changes: Any) -> dict[str, Any]:
    plain = {
        "counts": {"read": read, "kept": kept, "held_out": held_out},
        "rules": [],
        "funnel": [],
        "languages": {"en": read},
        "hosts": 0,
        "rule_sets": [{"name": "gopher_quality", "languages": ["en"], "web_pages": True}],
        "asked": {"languages": [], "held_out": 0.0},
        "sources": {"in": {"read": read}},
        "looks_like": {"markup": {}, "json": {}},
    }
    return plain | changes


def dropping(**documents: int) -> list[dict[str, Any]]:
    return [{"stage": "rules", "rule": f"gopher_quality/{name}", "documents": n, "only": n} for name, n in documents.items()]


def kinds(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["rule"].rpartition("/")[2]) for one in warnings(report)]


def test_a_run_that_went_well_warns_of_nothing() -> None:
    assert warnings(figures(kept=85, rules=dropping(short=10, long=5), funnel=dropping(short=10, long=5))) == []


@pytest.mark.parametrize("kept, said", [(0, "nothing_kept"), (19, "little_kept"), (20, None)])
def test_little_or_nothing_kept_names_the_rule_that_drops_most(kept: int, said: str | None) -> None:
    found = kinds(figures(kept=kept, rules=dropping(long=30, short=45)))
    assert found == ([(said, "short")] if said else [])


def test_markup_and_json_that_were_read_as_text_are_named_by_source() -> None:
    sources = {"books": {"read": 10}, "notes": {"read": 100}}
    found = warnings(figures(sources=sources, looks_like={"markup": {"books": 5, "notes": 49}, "json": {"notes": 60}}))
    assert [one["kind"] for one in found] == ["is_markup", "is_json"]
    assert found[0]["text"].startswith("5 of 10 documents of books begin with a tag: they are XML or HTML") and "`format: html`" in found[0]["text"]
    assert found[1]["text"].startswith("60 of 100 documents of notes are JSON") and "`format: jsonl`" in found[1]["text"]


def test_a_run_over_xml_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.cnxml").write_text(f"<?xml version='1.0'?>\n<document><para>{document(number)}</para></document>")
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", rules=[], language=None))
    result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out")])
    assert "3 of 3 documents of in begin with a tag" in result.output


def test_what_is_held_out_counts_as_kept() -> None:
    assert kinds(figures(kept=10, held_out=10)) == []


def test_each_rule_that_drops_more_than_half_is_named_once() -> None:
    assert kinds(figures(kept=30, rules=dropping(long=51, short=60, some=50))) == [("one_rule", "short"), ("one_rule", "long")]
    assert kinds(figures(kept=5, rules=dropping(long=51, short=60))) == [("little_kept", "short"), ("one_rule", "long")]


def test_other_languages_before_rules_for_english_are_named_with_their_share() -> None:
    (warning,) = warnings(figures(languages={"en": 60, "ru": 25, "de": 10, "zxx": 5}))
    assert warning["kind"] == "foreign_languages" and "36.8%" in warning["text"] and "ru 25, de 10" in warning["text"] and "fineweb2" in warning["text"]
    assert warnings(figures(languages={"eng_Latn": 98, "rus_Cyrl": 2})) == []
    any_language = [{"name": "fineweb2", "languages": [], "web_pages": False}]
    assert warnings(figures(languages={"ru": 100}, rule_sets=any_language)) == []


def test_languages_that_the_recipe_does_not_keep_never_meet_the_rules() -> None:
    asked = {"languages": ["en"], "held_out": 0.0}
    assert warnings(figures(languages={"en": 60, "ru": 40}, asked=asked)) == []
    assert kinds(figures(languages={"en": 60, "ru": 40}, asked=asked | {"languages": ["eng", "rus"]})) == [("foreign_languages", "")]


def test_web_rules_that_drop_a_third_point_to_the_rules_for_books() -> None:
    (warning,) = warnings(figures(kept=70, rules=dropping(short=30), funnel=dropping(short=30)))
    assert warning["kind"] == "web_rules" and "rules: [prose]" in warning["text"]
    assert warnings(figures(kept=70, rules=dropping(short=30), funnel=dropping(short=30), hosts=12)) == []


def test_an_empty_evaluation_set_and_empty_inputs_are_told() -> None:
    assert kinds(figures(asked={"languages": [], "held_out": 0.02})) == [("nothing_held_out", "")]
    assert kinds(figures(held_out=1, asked={"languages": [], "held_out": 0.02})) == []
    assert kinds(figures(read=0, kept=0)) == [("nothing_read", "")]


def test_the_command_shows_the_documents() -> None:
    (warning,) = warnings(figures(kept=0, rules=dropping(short=100)))
    assert command(warning, Path("out/law")) == "curate sample --run out/law --dropped-by gopher_quality/short"


def test_a_run_of_another_language_warns_in_log_summary_report_and_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(jsonl([{"text": RUSSIAN * 8}, {"text": RUSSIAN * 12}]))
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", language={}, dedup={"minhash": None}))
    caplog.set_level(logging.INFO)
    report = run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1).report
    found = [one["kind"] for one in report["warnings"]]
    assert found[0] == "nothing_kept" and "foreign_languages" in found
    assert "none given, so gopher_quality, gopher_repetition, fineweb are applied" in caplog.text
    assert "NOTHING IS KEPT" in caplog.text and f"curate sample --run {tmp_path / 'out'} --dropped-by" in caplog.text
    told = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out")])
    assert "NOTHING IS KEPT" in told.output and "fineweb2" in told.output
    shown = CliRunner().invoke(app, ["sample", "--run", str(tmp_path / "out"), "--dropped-by", report["warnings"][0]["rule"]])
    assert shown.exit_code == 0 and "Капитан" in shown.output
    assert CliRunner().invoke(app, ["report", "--run", str(tmp_path / "out")]).exit_code == 0
    assert "NOTHING IS KEPT" in (tmp_path / "out" / "report.html").read_text()


def test_given_rules_are_not_called_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(jsonl([{"text": document(1)}]))
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in", rules=[], dedup={"minhash": None}))
    caplog.set_level(logging.INFO)
    assert run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1).report["warnings"] == []
    assert "none given" not in caplog.text
