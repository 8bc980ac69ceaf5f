"""`tokenize export` and `tokenize import` as typed."""

import numpy as np
import pytest

from tests.commands import run
from tests.tokenize_tools.exchange.sets import documents, tokens_set
from tests.tokenize_tools.samples import byte_level, documents_set, prose


def test_a_real_set_is_exported_and_imported_by_command(tmp_path):
    tokenizer = byte_level(tmp_path / "bpe")
    run("tokenize", "run", documents_set(tmp_path / "documents", prose(4, 30)), "--tokenizer", tokenizer, "--out", tmp_path / "tokens")
    output = run("tokenize", "export", tmp_path / "tokens", "--to", "datatrove", "--out", tmp_path / "ds")
    assert "30" in output and "bpe" in output
    (tmp_path / "ds" / "cptkit.json").unlink()
    output = run("tokenize", "import", tmp_path / "ds", "--from", "datatrove", "--tokenizer", tokenizer, "--out", tmp_path / "back")
    assert "30, all ending with the eos" in output and "bpe (600 ids)" in output
    assert documents(tmp_path / "back") == documents(tmp_path / "tokens")


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("export", "tokens", "--to", "megatron", "--out", "tokens"), "is not empty and not an earlier export"),
        (("export", "nowhere", "--to", "megatron", "--out", "out"), "no such folder"),
        (("import", "tokens", "--from", "olmo", "--out", "out"), "no .npy there"),
        (("import", "a.npy", "--from", "olmo", "--out", "out"), "give its folder with --tokenizer"),
        (("import", "a.npy", "--from", "olmo", "--out", "out", "--n-vocab", "9"), "give both --tokenizer-sha256 and --n-vocab"),
    ],
)
def test_wrong_input_gives_one_line_that_says_what_to_do(tmp_path, monkeypatch, arguments, expected):
    monkeypatch.chdir(tmp_path)
    tokens_set(tmp_path / "tokens", [3, 4])
    np.array([5, 0], "<u2").tofile("a.npy")
    output = run("tokenize", *arguments, code=2)
    assert expected in output and output.count("\n") == 1
