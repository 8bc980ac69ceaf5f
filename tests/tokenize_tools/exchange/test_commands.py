"""`tokenize export` and `tokenize import` as typed."""

import numpy as np
import pytest

from tests.commands import run
from tests.tokenize_tools.exchange.sets import documents, tokens_set
from tests.tokenize_tools.samples import byte_level, documents_set, prose


def test_a_real_set_goes_out_and_in_by_command(tmp_path):
    tokenizer = byte_level(tmp_path / "bpe")
    run("tokenize", "run", documents_set(tmp_path / "documents", prose(4, 30)), "--tokenizer", tokenizer, "--out", tmp_path / "tokens")
    said = run("tokenize", "export", tmp_path / "tokens", "--to", "datatrove", "--out", tmp_path / "ds")
    assert "30" in said and "bpe" in said
    (tmp_path / "ds" / "cptkit.json").unlink()
    said = run("tokenize", "import", tmp_path / "ds", "--from", "datatrove", "--tokenizer", tokenizer, "--out", tmp_path / "back")
    assert "30, all ending with the eos" in said and "bpe (600 ids)" in said
    assert documents(tmp_path / "back") == documents(tmp_path / "tokens")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("export", "tokens", "--to", "megatron", "--out", "tokens"), "is not empty and not an earlier export"),
        (("export", "nowhere", "--to", "megatron", "--out", "out"), "no such folder"),
        (("import", "tokens", "--from", "olmo", "--out", "out"), "no .npy there"),
        (("import", "a.npy", "--from", "olmo", "--out", "out"), "give its folder with --tokenizer"),
        (("import", "a.npy", "--from", "olmo", "--out", "out", "--n-vocab", "9"), "give both --tokenizer-sha256 and --n-vocab"),
    ],
)
def test_wrong_input_gives_one_line_that_says_what_to_do(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    tokens_set(tmp_path / "tokens", [3, 4])
    np.array([5, 0], "<u2").tofile("a.npy")
    output = run("tokenize", *arguments, code=2)
    assert said in output and output.count("\n") == 1
