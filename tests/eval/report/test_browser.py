"""The report in Chromium: one browser for all pages, each with other models, names and documents."""

import json

import pytest

from eval.report.recipe import ReportRecipe
from eval.report.sections import SECTIONS
from eval.report.write import write_report
from tests.browser import brightness, chromium, faults
from tests.eval import synthetic
from tests.eval.report.test_over_steps import watched
from tests.eval.report.test_tasks import record as tasks_record

LONG = "a-model-with-a-name-as-long-as-a-hub-would-allow-and-no-place-to-break-it-v0.1.2-instruct"
ROLES = {"domain": "gain", "general": "retain"}


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


def with_everything(home):
    fields = synthetic.write_inputs(home)
    path = home / "scores" / "summary.json"
    summary = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    synthetic.write_json(path, synthetic.in_full(summary))
    synthetic.write_json(home / "watch" / "watch.json", watched([1.5, 1.7, 1.43], verdicts={1: "worse"}))
    synthetic.write_json(home / "tasks" / "tasks.json", tasks_record())
    inputs = {"tasks": str(home / "tasks"), "watch": {"replay": str(home / "watch")}}
    return write_report(ReportRecipe.model_validate(fields | inputs))[0]


def test_a_page_with_every_section_is_whole_on_every_screen_and_on_paper(browser, tmp_path):
    page = with_everything(tmp_path)
    assert all(f'id="{section.id}"' in page.read_text() for section in SECTIONS)
    assert faults(browser, page) == []
    light, dark = (brightness(browser, page, scheme) for scheme in ("light", "dark"))
    assert light > 200 and dark < 80


@pytest.mark.parametrize("n_models", [1, 8])
def test_pages_of_one_and_of_many_models_with_long_names_are_whole(browser, tmp_path, n_models):
    bits = {"base": {"domain": 1.8, "general": 1.4}} | {
        f"{LONG}-{index}": {"domain": 1.7 - index / 50, "general": 1.4 + index / 30} for index in range(n_models)
    }
    fields = synthetic.write_inputs(tmp_path)
    synthetic.write_json(tmp_path / "scores" / "summary.json", synthetic.summary(bits, ROLES))
    page, _ = write_report(ReportRecipe.model_validate({key: fields[key] for key in ("title", "scores", "out")} | {"title": LONG * 2}))
    assert faults(browser, page) == []


def test_a_page_of_one_document_is_whole_and_warns(browser, tmp_path):
    fields = synthetic.write_inputs(tmp_path)
    path = tmp_path / "scores" / "summary.json"
    summary = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    for row in summary["scores"] + summary["differences"]:
        row |= {"low": None, "high": None, "standard_error": None, "minimum_detectable": None, "documents": 1, "effective": 1.0}
    for row in summary["differences"]:
        row |= {"verdict": "too few"} | ({"retained": "too few"} if "retained" in row else {})
    for domain in summary["domains"].values():
        domain["documents"] = 1
    synthetic.write_json(path, summary)
    page, _ = write_report(ReportRecipe.model_validate({key: fields[key] for key in ("title", "scores", "out")}))
    assert "Only 1 document: the domain may differ" in page.read_text() and "too few documents" in page.read_text()
    assert faults(browser, page) == []
