import json
import subprocess
import sys

import pytest

from mix.suggest import show
from mix.suggest.record import read_suggestion
from tests.commands import run
from tests.flow import write_yaml
from tests.mix.suggest.conftest import asked_for


def test_the_command_prints_the_suggestion_as_json(fitted, tmp_path):
    write_yaml(tmp_path / "suggest.yaml", asked_for(fitted, tmp_path / "out"))
    printed = run("mix", "suggest", tmp_path / "suggest.yaml", "--json")
    assert json.loads(printed) == read_suggestion(tmp_path / "out").content()


def test_the_tables_name_the_ratio_what_binds_and_the_files(suggested, tmp_path, capsys):
    _, record = suggested
    show.show(record, tmp_path / "out")
    printed = capsys.readouterr().out
    words = (show.ratio_words(record.shares), "provisional", "the budget: general may rise by 5.00%", str(tmp_path / "out" / "confirm.yaml"), "exponential")
    assert all(part in printed for part in words)


def test_errors_are_one_line_and_without_the_extra_the_line_installs_it(fitted, tmp_path):
    write_yaml(tmp_path / "suggest.yaml", asked_for(fitted, tmp_path / "out"))
    refused = run("mix", "suggest", tmp_path / "suggest.yaml", "--set", "target.code=1", code=2)
    assert refused.startswith("error: target: the fit has no losses of code") and len(refused.splitlines()) == 1
    program = "import sys; sys.modules['scipy'] = None; sys.argv = ['mix', 'suggest', {!r}]; from mix.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program.format(str(tmp_path / "suggest.yaml"))], capture_output=True, text=True)
    assert done.returncode == 2 and "cptkit[laws]" in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("shares, said", [({"a": 0.3, "b": 0.7}, "30.0% a, 70.0% b"), ({"a": 0.0001, "b": 0.9999}, "100.0% b")])
def test_a_ratio_in_words_leaves_out_what_has_no_share(shares, said):
    assert show.ratio_words(shares) == said
