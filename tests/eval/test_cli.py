import shutil

from tests.commands import run as run_command
from tests.eval import synthetic
from tests.flow import write_yaml


def test_the_command_writes_both_files_and_says_where(tmp_path):
    recipe = write_yaml(tmp_path / "report.yaml", synthetic.write_inputs(tmp_path))
    said = run_command("evaluate", "report", recipe, "--out", tmp_path / "other" / "page.html")
    assert "page.html" in said and "page.json" in said
    assert (tmp_path / "other" / "page.html").exists() and not (tmp_path / "report.html").exists()
    shutil.rmtree(tmp_path / "scores")
    assert "error: scores: no summary.json" in run_command("evaluate", "report", recipe, code=2)


def test_the_command_says_what_is_wrong_with_a_recipe_in_one_line(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("{name: a, models: {base: x}, baseline: bas, domains: {d: {documents: y}}, out: z}")
    assert "recipe.yaml: baseline: no model is called bas, models are base\n" in run_command("evaluate", "run", path, code=2)
    said = run_command("evaluate", "run", path, "--set", "baseline=base", "--set", "stride_tokens=2000", code=2)
    assert "stride_tokens: larger than context_tokens" in said
    assert "model base: x is not a folder" in run_command("evaluate", "run", path, "--set", "baseline=base", code=2)
    assert "did you mean documents?" in run_command("evaluate", "run", path, "--set", "domains.d.document=z", code=2)
