"""What `tokenize export` writes, read by readers that were written from the definitions of the formats."""

import pytest

from tests.commands import content
from tests.tokenize_tools.exchange.readers import read_export
from tests.tokenize_tools.exchange.sets import documents, tokens_set
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import documents as exchanged
from tokenize_tools.exchange.exporting import export

FORMATS = ("megatron", "datatrove", "olmo", "litdata", "mds")


@pytest.mark.parametrize("id_bytes", [2, 4])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_all_documents_in_order(tmp_path, monkeypatch, form, id_bytes):
    monkeypatch.setattr(exchanged, "CHUNK_BYTES", 4000)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, form, tmp_path / "out")
    assert read_export(tmp_path / "out", form, id_bytes) == documents(tokens)


@pytest.mark.parametrize("form", FORMATS)
def test_documents_without_tokens_are_kept(tmp_path, form):
    tokens = tokens_set(tmp_path / "tokens", [0, 3, 0, 0, 0, 0, 0, 9, 0])
    export(tokens, form, tmp_path / "out")
    assert read_export(tmp_path / "out", form) == documents(tokens)


@pytest.mark.parametrize("form", FORMATS)
def test_a_repeated_export_gives_the_same_bytes_and_replaces_an_earlier_one(tmp_path, form):
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, form, tmp_path / "one")
    export(tokens_set(tmp_path / "more", [5] * 40), "mds", tmp_path / "two")
    export(tokens, form, tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_set_without_tokens_is_refused(tmp_path):
    with pytest.raises(TokenizeError, match="holds no tokens"):
        export(tokens_set(tmp_path / "tokens", []), "megatron", tmp_path / "out")


def test_sets_without_eos_warn_where_readers_need_it(tmp_path, caplog):
    export(tokens_set(tmp_path / "tokens", eos=False), "olmo", tmp_path / "out")
    assert "tokenize with --eos" in caplog.text
