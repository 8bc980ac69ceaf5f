import json
import subprocess
import sys

import pytest
import yaml
from tokenizers import Tokenizer, models

from tests.mix.conftest import INFO


def run(*arguments: object) -> tuple[int, str, str]:
    code = "import sys; sys.argv[0] = 'mix'; from mix.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def recipe(tmp_path, tokens):
    raw = {
        "name": "demo",
        "row_tokens": 64,
        "out": str(tmp_path / "out"),
        "tokens": 10_000,
        "weights": {"web": 4, "law": 1},
        "sources": {"web": {"tokens": str(tokens("web", [50] * 300))}, "law": {"tokens": str(tokens("law", [130] * 40, seed=1))}},
    }
    path = tmp_path / "mix.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def test_preview_build_and_inspect(tmp_path, recipe):
    code, shown, errors = run("preview", recipe)
    assert code == 0 and "80.000%" in shown and not (tmp_path / "out").exists(), errors
    code, built, errors = run("build", recipe, "--out", tmp_path / "elsewhere")
    assert code == 0 and "mix built" in built and str(tmp_path / "elsewhere") in built, errors
    Tokenizer(models.WordLevel({f"word{token}": token for token in range(INFO["n_vocab"])}, "word0")).save(str(tmp_path / "tokenizer.json"))
    code, row, errors = run("inspect", tmp_path / "elsewhere", "--row", 3, "--tokenizer", tmp_path)
    assert code == 0 and "row 3 of" in row and "word" in row and "--documents" in row, errors


def test_results_can_be_printed_as_json(tmp_path, recipe):
    code, shown, errors = run("preview", recipe, "--batch-rows", 8, "--tokens-per-second", 100, "--json")
    preview = json.loads(shown)
    assert code == 0 and preview["steps"] == -(-preview["rows"] // 8) and preview["hours"] == preview["tokens"] / 360_000, errors
    run("build", recipe)
    assert json.loads(run("inspect", tmp_path / "out", "--row", 3, "--json")[1])["row"] == 3
    code, shown, errors = run("diff", tmp_path / "out", tmp_path / "out", "--json")
    assert code == 0 and json.loads(shown)["first_different_row"] is None, errors


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--set", "tokens=1B"), "error: source web blocks this mix"),
        (("--set", "sources.law.tokens=nowhere"), "error: source law: nowhere: no such folder"),
        (("--set", "row_token=1"), "row_token: unknown key, did you mean row_tokens?"),
    ],
)
def test_errors_are_reported_in_one_line(recipe, arguments, said):
    code, shown, errors = run("preview", recipe, *arguments)
    assert code == 2 and not shown and said in errors and "Traceback" not in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_row_beyond_the_run_and_a_missing_tokenizer_are_reported(tmp_path, recipe):
    run("build", recipe)
    assert "row 100000 was requested, but this mix has rows 0 to" in run("inspect", tmp_path / "out", "--row", 100_000)[2]
    assert "tokenizer.json: no such tokenizer file" in run("inspect", tmp_path / "out", "--row", 0, "--tokenizer", tmp_path)[2]


def test_extend_keeps_the_rows_of_a_step(tmp_path, recipe):
    run("build", recipe)
    code, shown, errors = run(
        "extend", tmp_path / "out", recipe, "--at-step", 5, "--batch-rows", 8, "--out", tmp_path / "new", "--set", "weights.law=2", "--set", "tokens=8000"
    )
    assert code == 0 and "mix extended" in shown and "40 rows of" in shown and "all from row 40" in shown, errors
    code, shown, errors = run("diff", tmp_path / "out", tmp_path / "new", "--json")
    assert code == 0 and "the same 40 rows" in json.loads(shown)["on_resume"][0], errors
    code, _, errors = run("extend", tmp_path / "out", recipe, "--out", tmp_path / "new")
    assert code == 2 and "give one of --at ROW, --at-step STEP" in errors
