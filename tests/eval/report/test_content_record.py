import json

import pytest

from eval.errors import EvalError
from eval.report.content_record import read_report
from eval.report.recipe import ReportRecipe
from eval.report.write import portable, write_report
from tests.records import edit


def test_other_programs_can_rely_on_the_keys_of_report_json(fields, tmp_path):
    _, path = write_report(ReportRecipe.model_validate(fields))
    report = read_report(path)
    change = report.headline.models[0].changes[0]
    assert (change.model, change.against, change.domain, change.verdict) == ("replay", "base", "domain", "better")
    assert report.scores[0].rows[0].score.bits_per_byte == 1.812 and report.mixes[0].sources[0].got > 0
    edit(path, lambda content: content["headline"]["models"][0]["changes"][0].update(low=1.0, high=-1.0))
    with pytest.raises(EvalError, match=r"report.json: headline.models.0.changes.0: not an interval"):
        read_report(path)


def test_another_format_and_an_edited_file_are_refused(fields, tmp_path):
    _, path = write_report(ReportRecipe.model_validate(fields))
    edit(path, lambda content: content.update(format=2))
    with pytest.raises(EvalError, match=r"format 2, this cptkit reads 1"):
        read_report(path)
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(EvalError, match=r"edited by hand"):
        read_report(path)


def test_a_loss_that_is_not_finite_leaves_a_gap_in_its_curve(fields, tmp_path):
    metrics = tmp_path / "train" / "replay" / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    lines[3]["loss_by_source"]["domain"] = float("nan")
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _, path = write_report(ReportRecipe.model_validate(fields))
    assert "NaN" not in path.read_text()
    curve = read_report(path).runs[0].loss_by_source["domain"]
    assert 4 not in curve["step"] and len(curve["smooth"]) == 149


def test_what_json_cannot_hold_is_replaced():
    assert portable({"a": (float("inf"), "x\ud800")}) == {"a": [None, "x?"]}
