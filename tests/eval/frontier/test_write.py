import json

from eval.frontier.write import render, write_comparison, write_frontier
from tests.commands import run as run_command
from tests.eval.frontier.outputs import write_evaluation, write_run, write_suggestion
from tests.records import content_of


def inputs(tmp_path):
    deltas = {"base": (0, 0), "r<1>": (-0.30, 0.02), "bad": (-0.10, 0.20)}
    write_evaluation(tmp_path / "in" / "scores", {name: {"law": law, "web": web} for name, (law, web) in deltas.items()})
    write_run(tmp_path / "in" / "run", "r<1>", deltas={"law": -0.3, "web": 0.02})
    write_run(tmp_path / "in" / "bad", "bad", lr=1e-2)
    write_suggestion(tmp_path / "in" / "suggest", -0.2, 0.1)
    return tmp_path / "in"


def test_the_commands_print_and_write(tmp_path):
    folder = inputs(tmp_path)
    said = run_command("evaluate", "frontier", folder, "--out", tmp_path / "out")
    assert "surely dominated" in said and "Suggestion suggest predicts" in said and "frontier.html" in said
    page = (tmp_path / "out" / "frontier.html").read_text()
    assert page.count("<svg") >= 5 and "r&lt;1&gt;" in page and "r<1>" not in page and "http" not in page.replace("http://www.w3.org", "")
    content = content_of(tmp_path / "out" / "frontier.json")
    assert [point["name"] for point in content["points"]] == ["r<1>", "bad"]
    said = run_command("evaluate", "compare", folder, "--out", tmp_path / "out")
    assert "better" in said and len(content_of(tmp_path / "out" / "compare.json")["differences"]) == 6
    assert "error: " in run_command("evaluate", "frontier", folder, "--cost", "gpu_hours", "--gain", "code", code=2)
    assert "no output of `evaluate run` to compare" in run_command("evaluate", "compare", folder / "run", code=2)


def test_equal_outputs_give_equal_bytes(tmp_path):
    folder = inputs(tmp_path)
    write_frontier([folder], tmp_path / "one", [], [], None)
    content = write_frontier([folder], tmp_path / "two", [], [], None)
    for name in ("frontier.json", "frontier.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert render(json.loads(json.dumps(content))) == (tmp_path / "one" / "frontier.html").read_text()
    assert write_comparison([folder], None, None) == write_comparison([folder], None, None)
