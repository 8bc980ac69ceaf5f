import pytest

from eval.errors import EvalError
from eval.report.probes import cell_color, probes_content
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from shards.page.theme import contrast, dark, text_on
from tests.eval import synthetic
from tests.eval.report.test_write import write

MODELS = ["base", "good", "bad"]


def test_certain_changes_are_listed_with_values_before_and_after():
    content = probes_content(synthetic.probes(MODELS, ["law"]), 400)
    assert [(row["model"], row["name"], row["domain"], row["tone"]) for row in content["changes"]] == [
        ("bad", "greedy loops", "law", "bad"),
        ("bad", "copied tokens", None, "bad"),
    ]
    assert (content["changes"][0]["before"], content["changes"][0]["human"]) == (0.2, 0.0) and content["changes"][0]["after"] == pytest.approx(0.9)
    assert content["judged"] == 4 and content["too_few"] == []


def test_drift_is_a_grid_of_layers_and_parts():
    grid = probes_content(synthetic.probes(MODELS, ["law"]), 400)["drift"]["bad"]
    assert grid["parts"] == ["embeddings", "attention", "mlp", "norms", "head"] and [row["layer"] for row in grid["rows"]] == [None, 0, 1]
    assert grid["rows"][0]["values"] == [0.01, None, None, None, 0.08] and grid["most"]["part"] == "head"


def test_texts_of_examples_are_cut():
    recorded = synthetic.probes(MODELS, ["law"])
    recorded["examples"][0]["human"] = "a" * 500
    assert probes_content(recorded, 100)["examples"][0]["human"] == "a" * 100 + " …"


def test_a_report_without_probes_has_no_section(fields):
    page, data, _ = write({key: value for key, value in fields.items() if key != "probes"})
    assert data["probes"] is None and "Probes: what broke" not in page.text


def test_the_section_says_what_broke_and_shows_texts(fields):
    page, _, html = write(fields)
    assert "Of 6 comparisons with base, 3 got worse" in " ".join(page.text.split())
    assert "no probe “chat”, because its tokenizer has no chat template" in " ".join(page.text.split())
    assert "greedy, ends in a loop" in page.text and "drift of no-replay" in html and "calibration on general" in html


def test_models_without_any_certain_change_are_shown(fields, tmp_path):
    recorded = synthetic.probes(["base", "replay"], ["general"])
    for row in recorded["differences"]:
        row["verdict"] = "undetectable"
    synthetic.write_json(tmp_path / "quiet" / "probes.json", recorded)
    page, _, _ = write(fields | {"probes": str(tmp_path / "quiet")})
    assert "None of 2 comparisons with base got worse for certain" in " ".join(page.text.split())


def test_probes_of_other_models_of_the_same_name_are_refused(fields, tmp_path):
    recorded = synthetic.probes(["base", "replay"], ["general"])
    recorded["models"]["replay"]["checksum"] = "0" * 32
    synthetic.write_json(tmp_path / "other" / "probes.json", recorded)
    with pytest.raises(EvalError, match=r"probes: model replay of .* is not the one that was scored; rerun `evaluate probes`"):
        read_inputs(ReportRecipe.model_validate(fields | {"probes": str(tmp_path / "other")}))
    with pytest.raises(EvalError, match=r"probes: no probes.json in .*; give the output folder of a finished `evaluate probes`"):
        read_inputs(ReportRecipe.model_validate(fields | {"probes": str(tmp_path)}))


def test_every_value_of_the_drift_map_can_be_read_in_both_schemes():
    for color in (cell_color(step / 50) for step in range(51)):
        assert contrast(text_on(color), color) >= 4.5 and contrast(dark(text_on(color)), dark(color)) >= 4.5
    assert dark(text_on(cell_color(0.0))) == "#ffffff"


def test_comparisons_with_too_few_items_are_not_counted_as_judged_and_are_named(fields, tmp_path):
    recorded = synthetic.probes(["base", "replay"], ["general", "law"])
    for row in recorded["differences"]:
        row["verdict"] = "too few" if row["domain"] == "law" else "undetectable"
    content = probes_content(recorded, 400)
    assert (content["judged"], content["without_verdict"], content["too_few"]) == (2, 1, ["greedy loops on law"])
    synthetic.write_json(tmp_path / "few" / "probes.json", recorded)
    page, _, _ = write(fields | {"probes": str(tmp_path / "few")})
    text = " ".join(page.text.split())
    assert "None of 2 comparisons with base got worse for certain. A change smaller than the detectable one may have gone unseen." in text
    assert "1 more had too few items for a verdict: greedy loops on law." in text


def test_without_a_single_verdict_the_section_says_so(fields, tmp_path):
    recorded = synthetic.probes(["base", "replay"], ["general"])
    for row in recorded["differences"]:
        row["verdict"] = "too few"
    synthetic.write_json(tmp_path / "none" / "probes.json", recorded)
    text = " ".join(write(fields | {"probes": str(tmp_path / "none")})[0].text.split())
    assert "No comparison with base could get a verdict. 2 had too few items" in text and "got worse" not in text


def test_all_differences_are_shown_with_interval_detectable_change_and_verdict(fields):
    _, _, html = write(fields)
    assert "All differences from base" in html and 'data-label="detectable from">0.140<' in html and 'data-label="95% interval">+0.600 to +0.800<' in html
    assert "no detectable change" in html
