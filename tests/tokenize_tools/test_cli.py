import json

import pytest

from tests.commands import run
from tests.tokenize_tools.samples import ODD, documents_set, prose


def test_the_commands_run_and_report_faults_in_one_line(tmp_path, documents):
    out = run("tokenize", "train", documents, "--vocab-size", 400, "--out", tmp_path / "tokenizer")
    assert "Trained bpe" in out and "all of Unicode" in out
    out = run("tokenize", "run", documents, "--tokenizer", tmp_path / "tokenizer", "--out", tmp_path / "tokens", "--workers", 2)
    assert f"{len(TEXTS)}" in out and "gigatoken" in out
    out = run("tokenize", "count", documents, "--tokenizer", tmp_path / "tokenizer", "--out", tmp_path / "counts.json")
    assert "general" in out and "added to each document   eos" in out
    run("tokenize", "fertility", documents, "--tokenizer", tmp_path / "tokenizer", "--out", tmp_path / "fertility.json")
    assert json.loads((tmp_path / "fertility.json").read_text())["rows"][0]["tokenizer"] == "tokenizer"
    out = run("tokenize", "run", tmp_path / "nowhere", "--tokenizer", tmp_path / "tokenizer", "--out", tmp_path / "x", code=2)
    assert "error:" in out and "nowhere: no such folder" in out
    out = run("tokenize", "run", documents, "--tokenizer", tmp_path / "nowhere", "--out", tmp_path / "x", code=2)
    assert "nowhere: no such file; give a tokenizer.json" in out


TEXTS = [*ODD, *prose(0, 80)]


@pytest.fixture
def documents(tmp_path):
    return documents_set(tmp_path / "documents", TEXTS)
