"""The command `curate overlap`."""

import numpy as np
import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.overlap.command import load_overlap_recipe
from tests.curate.overlap.texts import prose, save_documents


def test_the_command_names_sets_after_their_files_and_prints_what_it_found(tmp_path):
    random = np.random.default_rng(0)
    train = save_documents(tmp_path / "law" / "documents", [prose(random, 60) for _ in range(3)])
    held_out = save_documents(tmp_path / "law" / "held_out", [prose(random, 60)])
    arguments = ["overlap", str(held_out), str(train), "--against", str(train), "--out", str(tmp_path / "out")]
    with pytest.raises(CurateError, match="two sets of items are called law"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    recipe = tmp_path / "overlap.yaml"
    recipe.write_text(f"items: {{new: {held_out}, seen: {train}}}\nagainst: [{train}]\nout: {tmp_path / 'out'}\n")
    shown = CliRunner().invoke(app, ["overlap", str(recipe)], catch_exceptions=False).output
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.split()[:1] in (["new"], ["seen"])}
    assert rows == {"new": ["1", "0", "0", "0", "0", "0", "0"], "seen": ["3", "3", "0", "0", "0", "0", "0"]}


def test_paths_alone_need_training_sets_and_an_output_folder(tmp_path):
    with pytest.raises(CurateError, match="give --against SET"):
        load_overlap_recipe(["a/held_out"], [], None, {"out": tmp_path})
    with pytest.raises(CurateError, match="give --out FOLDER"):
        load_overlap_recipe(["a/held_out"], [tmp_path], None, {"out": None})
    made = load_overlap_recipe(["a/held_out", "b.jsonl.gz"], [tmp_path], ["near=0.9"], {"out": tmp_path / "out", "workers": 2})
    assert (list(made.items), made.near, made.workers) == (["a", "b"], 0.9, 2)
