import pytest
from typer.testing import CliRunner

from train.cli import app


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("prefix", [[], ["run"]])
def test_a_recipe_alone_is_run(write_recipe, prefix):
    result = call(*prefix, write_recipe(steps=1))
    assert result.exit_code == 0, result.output
    assert "Trained" in result.output and "1 of 1" in result.output


def test_settings_on_the_command_line_go_before_the_recipe(write_recipe, tmp_path):
    result = call(write_recipe(), "--out", tmp_path / "elsewhere", "--set", "steps=2")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "elsewhere" / "metrics.jsonl").read_text().count("\n") == 2


def test_an_unknown_key_is_named_with_the_nearest(write_recipe):
    result = call(write_recipe(batch_row=4))
    assert "batch_row: unknown key, did you mean batch_rows?" in str(result.exception)


def test_help_lists_the_commands():
    assert {"run", "init"} <= set(call("--help").output.split())
