import struct
import warnings

import numpy as np
import pytest

from tests.tokenize_tools.exchange.sets import FACTS, check_damage_is_refused, documents, tokens_set, write_megatron
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.importing import import_tokens


def megatron():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("megatron.core.datasets.indexed_dataset", exc_type=ImportError)


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_megatron_reads_our_export(tmp_path, id_bytes):
    indexed = megatron()
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, "megatron", tmp_path / "out")
    dataset = indexed.IndexedDataset(str(tmp_path / "out" / "tokens"))
    assert [ids.tolist() for ids in dataset[: len(dataset)]] == documents(tokens)
    assert dataset.document_indices.tolist() == list(range(len(dataset) + 1))


def test_our_megatron_files_equal_those_of_its_builder(tmp_path):
    indexed, tokens = megatron(), tokens_set(tmp_path / "tokens")
    import torch

    builder = indexed.IndexedDatasetBuilder(str(tmp_path / "tokens.bin"), dtype=np.uint16)
    for ids in documents(tokens):
        builder.add_document(torch.tensor(ids), [len(ids)])
    builder.finalize(str(tmp_path / "tokens.idx"))
    export(tokens, "megatron", tmp_path / "out")
    for name in ("tokens.bin", "tokens.idx"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
    import_tokens([tmp_path / "tokens"], "megatron", tmp_path / "back", FACTS)
    assert documents(tmp_path / "back") == documents(tokens)


@pytest.mark.parametrize("code", [8, 4, 5, 1])
def test_megatron_pairs_of_every_whole_number_type_are_read(tmp_path, code):
    write_megatron(tmp_path / "a", [2, 0, 3], [7, 8, 9, 10, 11], code=code)
    import_tokens([tmp_path / "a.bin"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[7, 8], [], [9, 10, 11]]


def test_megatron_documents_of_several_sequences_are_one_document(tmp_path):
    write_megatron(tmp_path / "a", [2, 1, 3, 1], [1, 2, 3, 4, 5, 6, 7], ends=[0, 2, 2, 3, 4])
    import_tokens([tmp_path / "a"], "megatron", tmp_path / "out", FACTS)
    assert documents(tmp_path / "out") == [[1, 2, 3], [], [4, 5, 6], [7]]


def test_a_document_too_long_for_a_format_is_refused_before_a_file_is_written(tmp_path, monkeypatch):
    tokens = tokens_set(tmp_path / "tokens")
    monkeypatch.setattr("tokenize_tools.exchange.megatron.longest", lambda tokens: 1 << 31)
    with pytest.raises(TokenizeError, match="Megatron stores lengths as int32"):
        export(tokens, "megatron", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".cptkit-files", "cptkit.json"]


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("tokens.idx", lambda raw: b"X" + raw[1:], r"tokens\.idx: not a Megatron index"),
        ("tokens.idx", lambda raw: b"", r"tokens\.idx: not a Megatron index"),
        ("tokens.idx", lambda raw: raw[:20], r"tokens\.idx: truncated: 20 bytes"),
        ("tokens.idx", lambda raw: raw[:-8], r"take .* truncated\?"),
        ("tokens.idx", lambda raw: raw + b"\0" * 12, "multimodal"),
        ("tokens.idx", lambda raw: raw[:17] + b"\x07" + raw[18:], r"type code 7 \(float32\)"),
        ("tokens.idx", lambda raw: raw[:9] + b"\x02" + raw[10:], "version 2"),
        ("tokens.idx", lambda raw: raw[:34] + struct.pack("<i", 2) + raw[38:], "sequences do not follow one another"),
        ("tokens.idx", lambda raw: raw[:34] + struct.pack("<ii", -1, 9) + raw[42:], "sequences do not follow one another"),
        ("tokens.idx", lambda raw: raw[:-8] + struct.pack("<q", 3), "documents do not follow one another"),
        ("tokens.bin", lambda raw: raw[:-2], r"the index covers .* but tokens\.bin has"),
        ("tokens.bin", lambda raw: raw[:-1], "not a whole number of uint16 ids"),
        ("tokens.bin", lambda raw: b"\x09" + raw[1:], r"tokens\.bin: its bytes are not those that were exported"),
    ],
)
def test_a_damaged_file_without_a_note_is_refused_in_one_line_and_no_set_is_left(tmp_path, name, change, message):
    check_damage_is_refused(tmp_path, "megatron", name, change, message)
