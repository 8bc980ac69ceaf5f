import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eval.errors import EvalError
from eval.report.recipe import ReportRecipe
from eval.report.write import write_report
from tests.eval import synthetic


class Page(HTMLParser):
    """Tags with attributes, and all text outside of style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def write(fields: dict) -> tuple[Page, dict, str]:
    page, data = write_report(ReportRecipe.model_validate(fields))
    html = page.read_text(encoding="utf-8")
    return Page(html), json.loads(data.read_text(encoding="utf-8")), html


def test_the_page_stands_alone_and_runs_nothing(fields):
    page, _, _ = write(fields)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "image"}
    for _, attributes in page.tags:
        for key, value in attributes.items():
            assert key != "src" and not key.startswith("on")
            assert "href" not in key or value.startswith("#")
            assert "url(" not in (value or "") or "url(#" in value
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert all(attributes["href"][1:] in ids for name, attributes in page.tags if name == "a")


def test_text_of_documents_names_and_files_is_shown_as_text(fields, tmp_path):
    fields |= {"title": synthetic.NASTY, "base": synthetic.NASTY, "intro": synthetic.NASTY, "reproduce": [synthetic.NASTY]}
    page, _, html = write(fields)
    assert "<script" not in html and "<b>bold" not in html
    assert page.text.count("<script>alert('x')</script> & <b>bold</b>") > 20


def test_names_of_models_and_domains_cannot_break_the_plots(fields, tmp_path):
    name = "a$x_1$ <&> \"q\" 'p'"
    bits = {"base": {"d]]>": 2.0, name: 1.0}, name: {"d]]>": 1.8, name: 1.1}}
    synthetic.write_json(tmp_path / "scores" / "summary.json", synthetic.summary(bits, {"d]]>": "gain", name: "retain"}))
    page, _, html = write(fields)
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(svg)
    assert name in page.text


def test_the_headline_states_gain_forgetting_and_what_replay_did(fields):
    page, data, _ = write(fields)
    said = " ".join(page.text.split())
    assert "22.5% fewer bits on domain: 1.812 → 1.404 bits per byte (95% interval of the change −0.416 to −0.400)." in said
    assert "Partly forgotten: 20.5% more bits on general, beyond the tolerance of 0.01: 1.402 → 1.689" in said
    assert "replay against no-replay: 0.281 bits per byte fewer on general (95% interval 0.273 to 0.289) and 0.033 more on domain" in said
    assert "0.60 M tokens: 70% domain and 30% general" in said
    assert [model["model"] for model in data["headline"]["models"]] == ["replay", "no-replay"]


def test_report_json_holds_the_figures_of_the_page(fields):
    page, data, _ = write(fields)
    said = " ".join(page.text.split())
    for table in data["scores"]:
        for row in table["rows"]:
            assert f"{row['score']['bits_per_byte']:.4f}" in said
    for corpus in data["corpora"]:
        for step in corpus["funnel"]:
            assert f"{step['documents']:,}" in said and f"{step['remaining']:,}" in said
    for mix in data["mixes"]:
        for source in mix["sources"]:
            assert f"{100 * source['seen']:.2f}%" in said
    assert all(caveat in said for caveat in data["caveats"])


def test_sections_follow_the_order_of_the_flow_and_missing_pieces_leave_theirs_out(fields, tmp_path):
    sections = ["short", "scores", "contamination", "text", "long-context", "probes", "corpora", "mixes", "runs", "provenance", "caveats"]

    def found(page: Page) -> list[str]:
        return [attributes["id"] for name, attributes in page.tags if name == "section"]

    assert found(write(fields)[0]) == sections
    for left_out in ("curate", "mixes", "runs"):
        section = {"curate": "corpora"}.get(left_out, left_out)
        assert found(write(fields | {left_out: {}})[0]) == [name for name in sections if name != section]
    page, data, _ = write({key: fields[key] for key in ("title", "scores", "out")})
    assert found(page) == ["short", "scores", "contamination", "text", "long-context", "provenance", "caveats"]
    assert data["mixes"] == [] and data["headline"]["models"][0]["mix"] == ""


def test_the_same_inputs_give_the_same_bytes(fields, tmp_path):
    write(fields)
    first = [(tmp_path / name).read_bytes() for name in ("report.html", "report.json")]
    write(fields)
    assert first == [(tmp_path / name).read_bytes() for name in ("report.html", "report.json")]


def test_a_report_of_the_baseline_alone_or_of_one_document_is_still_a_page(fields, tmp_path):
    alone = synthetic.summary({"base": {"domain": 2.0}}, {"domain": "gain"})
    synthetic.write_json(tmp_path / "scores" / "summary.json", alone)
    assert "2.0000" in write(fields)[0].text
    summary = synthetic.summary({"base": {"d": 2.0, "g": 1.0}, "new": {"d": 1.5, "g": 1.1}}, {"d": "gain", "g": "retain"})
    for row in summary["scores"] + summary["differences"]:
        row |= {"low": None, "high": None, "standard_error": None, "minimum_detectable": None}
    for row in summary["differences"]:
        row |= {"verdict": "undetectable"} | ({"retained": "undecided"} if "retained" in row else {})
    synthetic.write_json(tmp_path / "scores" / "summary.json", summary)
    page, _, _ = write(fields)
    assert "unbounded" in page.text and "no interval from one document" in page.text


def test_an_empty_corpus_and_a_source_never_drawn_are_shown(fields, tmp_path):
    report = synthetic.curate_report("domain") | {"funnel": [], "examples": {}, "kept_examples": [], "faults": [], "languages": {}}
    report["counts"] = dict.fromkeys(report["counts"], 0)
    synthetic.write_json(tmp_path / "curate" / "domain" / "report.json", report)
    synthetic.write_json(tmp_path / "mix" / "replay" / "preview.json", synthetic.preview({"domain": 1.0, "general": 0.0}))
    _, data, _ = write(fields)
    assert data["corpora"][0]["funnel"] == []


def test_the_page_is_named_html(fields, tmp_path):
    with pytest.raises(EvalError, match=r"out: .*report does not end in .html"):
        write(fields | {"out": tmp_path / "report"})


def test_long_context_has_its_section_and_pages_without_it_none(fields, tmp_path):
    page, data, html = write(fields)
    assert "Needles found" in page.text and "nats per token by position" in html and data["long_context"]["grids"][0]["rows"][1][0]["length"] == 64
    path = tmp_path / "scores" / "summary.json"
    content = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("checksum", "long_context")}
    synthetic.write_json(path, content)
    page, data, _ = write(fields)
    assert "Long context" not in page.text and data["long_context"] is None


def test_recipes_have_differences_and_no_scores_of_their_own(fields, tmp_path):
    path = Path(fields["scores"]) / "summary.json"
    summary = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    rows = [row | {"model": "recipe of two", "of": "recipe", "seeds": 2} for row in summary["differences"] if row["against"] == "base"][:2]
    synthetic.write_json(path, summary | {"recipes": {"recipe of two": ["replay", "no-replay"]}, "differences": [*rows, *summary["differences"]]})
    page, data, _ = write(fields)
    assert "recipe of 2 seeds" in page.text
    assert [row["model"] for row in data["scores"][0]["rows"] if row["score"] is None] == ["recipe of two"]
