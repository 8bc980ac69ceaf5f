import pytest
from tokenizers import Tokenizer, models

from tests.commands import run
from tests.tokenize_tools.samples import documents_set, save
from tokenize_tools.definition import read_definition
from tokenize_tools.errors import TokenizeError


@pytest.mark.parametrize("backend", ["auto", "hf"])
def test_a_tokenizer_that_has_no_ids_for_unknown_characters_is_refused_at_the_start(tmp_path, monkeypatch, backend):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save(tmp_path / "unigram", Tokenizer(models.Unigram([("a", -1.0), ("b", -1.0)], unk_id=None)))
    documents = documents_set(tmp_path / "documents", ["ab"])
    output = run("tokenize", "run", documents, "--tokenizer", folder, "--out", tmp_path / "out", "--no-eos", "--backend", backend, code=2)
    assert "the tokenizers library cannot encode every text (" in output and "unk_id" in output
    with pytest.raises(TokenizeError, match="cannot encode every text"):
        read_definition(folder)
