import json

from tests.tokenize_tools.exchange.sets import tokens_set
from tokenize_tools.exchange import documents as exchanged
from tokenize_tools.exchange.exporting import export


def test_chunks_are_filled_to_their_limit_and_a_longer_document_gets_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(exchanged, "CHUNK_BYTES", 20)
    export(tokens_set(tmp_path / "tokens", [4, 6, 1, 30, 2, 2]), "litdata", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [chunk["dim"] for chunk in index["chunks"]] == [10, 1, 30, 4]
