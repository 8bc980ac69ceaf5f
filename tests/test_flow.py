import json

from tests.commands import run
from tests.flow import evaluate_recipe, mix_recipe, report_recipe, train_recipe, up_to_mix


def test_raw_text_becomes_a_better_model_and_a_report(tmp_path):
    up_to_mix(tmp_path)
    assert "domain" in run("mix", "preview", mix_recipe(tmp_path))
    run("mix", "build", mix_recipe(tmp_path))
    run("train", train_recipe(tmp_path))
    run("evaluate", "run", evaluate_recipe(tmp_path))
    run("evaluate", "report", report_recipe(tmp_path))

    steps = [json.loads(line) for line in (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()]
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.5
    assert set(steps[0]["loss_by_source"]) == {"domain", "general"}
    differences = json.loads((tmp_path / "scores" / "summary.json").read_text())["differences"]
    assert {difference["domain"]: difference["verdict"] for difference in differences} == {"domain": "better", "general": "better"}
    html = (tmp_path / "report.html").read_text()
    assert "Two made-up languages" in html and "http://" not in html.replace("http://www.w3.org", "")
    json.loads((tmp_path / "report.json").read_text())


def test_every_command_explains_itself():
    for name in ("curate", "tokenize", "mix", "train", "evaluate"):
        assert "Usage" in run(name, "--help")
