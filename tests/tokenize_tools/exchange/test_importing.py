"""What `tokenize import` reads, and what it refuses."""

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from shards.errors import ShardError
from shards.manifest import read_manifest
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.records import edit
from tests.tokenize_tools.exchange.sets import FACTS, column, documents, facts, tokens_set, write_megatron
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import parts
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.facts import ExchangeFacts
from tokenize_tools.exchange.importing import import_tokens

FORMATS = ("megatron", "datatrove", "olmo")


@pytest.mark.parametrize("id_bytes", [2, 4])
@pytest.mark.parametrize("form", FORMATS)
def test_export_and_import_keep_tokens_and_facts(tmp_path, monkeypatch, form, id_bytes):
    monkeypatch.setattr(parts, "_CHUNK_TOKENS", 1000)
    monkeypatch.setattr(parts, "_CHUNK_DOCUMENTS", 3)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, form, tmp_path / "out")
    manifest = import_tokens([tmp_path / "out"], form, tmp_path / "back")
    assert documents(tmp_path / "back") == documents(tokens)
    there = read_manifest(tokens).info
    assert all(manifest.info[name] == there[name] for name in ("tokenizer", "tokenizer_sha256", "n_vocab", "bos_id", "eos_id", "pad_id", "policy"))
    assert (manifest.n_rows, manifest.n_tokens) == (manifest.info["n_documents"], manifest.info["n_tokens"])
    assert manifest.info["imported_from"]["format"] == form and str(tmp_path) not in (tmp_path / "back" / "manifest.json").read_text()


def test_olmo_files_keep_ids_and_sources_and_documents_of_other_formats_get_ids_by_content(tmp_path):
    tokens = tokens_set(tmp_path / "tokens", [3, 3, 0, 9])
    for form in FORMATS:
        export(tokens, form, tmp_path / form)
        import_tokens([tmp_path / form], form, tmp_path / f"{form}-back")
    assert column(tmp_path / "olmo-back", "doc_id") == column(tokens, "doc_id")
    assert column(tmp_path / "olmo-back", "source") == column(tokens, "source")
    by_content = [xxhash.xxh3_128_digest(np.array(ids, "<u2").tobytes()) for ids in documents(tokens)]
    assert column(tmp_path / "megatron-back", "doc_id") == column(tmp_path / "datatrove-back", "doc_id") == by_content
    assert set(column(tmp_path / "megatron-back", "source")) == {"megatron"}


@given(lengths=st.lists(st.integers(0, 40), max_size=40).filter(any), eos=st.booleans(), form=st.sampled_from(FORMATS))
def test_any_set_survives_export_and_import(tmp_path_factory, lengths, eos, form):
    folder = tmp_path_factory.mktemp("exchange")
    tokens = tokens_set(folder / "tokens", lengths, eos=eos)
    export(tokens, form, folder / "out")
    import_tokens([folder / "out"], form, folder / "back")
    assert documents(folder / "back") == documents(tokens)


def test_several_inputs_become_one_set_in_the_given_order_and_by_name(tmp_path):
    for name, first in (("b/x", 10), ("b/w", 20), ("a", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_megatron(tmp_path / name, [1, 1], [first, first + 1])
    import_tokens([tmp_path / "b", tmp_path / "a.idx"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[20], [21], [10], [11], [30], [31]]
    assert column(tmp_path / "out", "source")[:4] == ["b"] * 4


def test_ids_that_the_tokenizer_does_not_have_are_refused_with_the_document(tmp_path):
    write_megatron(tmp_path / "a", [2, 3], [1, 2, 3, 65_000, 4])
    with pytest.raises(TokenizeError, match=r"a\.bin: document 1 holds id 65,000, but bpe has ids 0 to 59,999"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)
    write_megatron(tmp_path / "a", [2, 3], [1, -2, 3, 5, 4], code=4)
    with pytest.raises(TokenizeError, match="document 0 holds id -2"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)


def test_missing_files_are_named(tmp_path):
    for form, message in (("megatron", "no .idx beside a .bin"), ("datatrove", "no .ds"), ("olmo", "no .npy")):
        with pytest.raises(TokenizeError, match=message):
            import_tokens([tmp_path], form, tmp_path / "out", FACTS)
    write_megatron(tmp_path / "a", [1], [1])
    (tmp_path / "a.bin").unlink()
    with pytest.raises(TokenizeError, match=r"a\.bin: no such file"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)


def test_the_tokenizer_must_be_named_and_be_the_one_that_made_the_ids(tmp_path):
    write_megatron(tmp_path / "a", [1], [1])
    with pytest.raises(TokenizeError, match="no note names the tokenizer; give its folder with --tokenizer"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out")
    export(tokens_set(tmp_path / "tokens"), "megatron", tmp_path / "exported")
    with pytest.raises(TokenizeError, match=r"exported from tokens of bpe \(555555555555\), not of wide"):
        import_tokens([tmp_path / "exported"], "megatron", tmp_path / "out", facts(4))
    np.array([1], "<u2").tofile(tmp_path / "a.ds")
    with pytest.raises(TokenizeError, match="the tokenizer names none; give --eos-id"):
        import_tokens([tmp_path / "a.ds"], "datatrove", tmp_path / "out", ExchangeFacts("x", "1" * 64, 10, None, None, None))


def test_an_unfinished_export_is_not_imported(tmp_path):
    export(tokens_set(tmp_path / "tokens"), "megatron", tmp_path / "out")
    edit(tmp_path / "out" / "cptkit.json", lambda note: note.update(finished=False))
    with pytest.raises(TokenizeError, match="an unfinished export"):
        import_tokens([tmp_path / "out"], "megatron", tmp_path / "back")


def test_another_kind_of_set_is_not_overwritten(tmp_path):
    write_megatron(tmp_path / "a", [1], [1])
    write_set(tmp_path / "out", "documents", DOCUMENTS, [])
    with pytest.raises(ShardError, match="holds a set of documents"):
        import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)
