"""What `tokenize export` writes, read by ten lines written from each format's definition, and by the peer where it is installed."""

import csv
import gzip
import json
import struct
from itertools import pairwise

import numpy as np
import pytest

from tests.commands import content
from tests.tokenize_tools.exchange.sets import column, documents, tokens_set
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import documents as exchanged
from tokenize_tools.exchange.exporting import export

FORMATS = ("megatron", "datatrove", "olmo", "litdata", "mds")


def read_megatron(folder) -> list[list[int]]:
    raw = (folder / "tokens.idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    version, code, n, n_ends = struct.unpack_from("<QBQQ", raw, 9)
    assert version == 1 and n_ends == n + 1
    lengths, pointers = struct.unpack_from(f"<{n}i", raw, 34), struct.unpack_from(f"<{n}q", raw, 34 + 4 * n)
    assert struct.unpack_from(f"<{n + 1}q", raw, 34 + 12 * n) == tuple(range(n + 1)) and len(raw) == 34 + 12 * n + 8 * (n + 1)
    ids = (folder / "tokens.bin").read_bytes()
    letter = {8: "H", 4: "i"}[code]
    return [list(struct.unpack_from(f"<{length}{letter}", ids, pointer)) for length, pointer in zip(lengths, pointers, strict=True)]


def read_datatrove(folder) -> list[list[int]]:
    found = []
    for path in sorted(folder.glob("*.ds")):
        label, count, _ = (folder / f"{path.name}.metadata").read_text().split("\n")
        ids = np.fromfile(path, {"2": "<u2", "4": "<u4"}[label.split("|")[1]])
        ends = np.fromfile(f"{path}.index", "<u8").astype(int)
        assert int(count) == len(ids) == ends[-1]
        found += [ids[low:high].tolist() for low, high in zip([0, *ends[:-1]], ends, strict=True)]
    return found


def read_olmo(folder, dtype: str = "<u2") -> list[list[int]]:
    found = []
    for path in sorted(folder.glob("*.npy")):
        ids = np.fromfile(path, dtype)
        with gzip.open(path.with_suffix(".csv.gz"), "rt", newline="") as lines:
            found += [ids[int(start) : int(end)].tolist() for start, end, *_ in csv.reader(lines)]
    return found


def read_litdata(folder) -> list[list[int]]:
    index = json.loads((folder / "index.json").read_text())
    dtype = {"no_header_tensor:20": "<u2", "no_header_tensor:16": "<i4"}[index["config"]["data_format"][0]]
    found = []
    for chunk in index["chunks"]:
        raw = (folder / chunk["filename"]).read_bytes()
        n = struct.unpack_from("<I", raw)[0]
        offsets = struct.unpack_from(f"<{n + 1}I", raw, 4)
        assert n == chunk["chunk_size"] and offsets[0] == 4 * (n + 2) and offsets[-1] == len(raw)
        assert chunk["dim"] * np.dtype(dtype).itemsize == chunk["chunk_bytes"] == offsets[-1] - offsets[0]
        found += [np.frombuffer(raw[low:high], dtype).tolist() for low, high in pairwise(offsets)]
    return found


def read_mds(folder) -> list[tuple[str, str, list[int]]]:
    found = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        raw = (folder / shard["raw_data"]["basename"]).read_bytes()
        n = struct.unpack_from("<I", raw)[0]
        offsets = struct.unpack_from(f"<{n + 1}I", raw, 4)
        assert len(raw) == shard["raw_data"]["bytes"] == offsets[-1] and n == shard["samples"]
        assert json.loads(raw[4 * (n + 2) : offsets[0]])["column_names"] == ["id", "source", "tokens"]
        dtype = shard["column_encodings"][2].split(":")[1]
        for low, high in pairwise(offsets):
            sizes = struct.unpack_from("<3I", raw, low)
            assert 12 + sum(sizes) == high - low
            name, source = raw[low + 12 :][:32].decode(), raw[low + 44 :][: sizes[1]].decode()
            array = raw[low + 44 + sizes[1] : high]
            shape_bytes = 1 << (array[0] & 3)
            ids = np.frombuffer(array[1 + shape_bytes :], dtype)
            assert array[0] >> 2 == 1 and int.from_bytes(array[1 : 1 + shape_bytes], "little") == len(ids)
            found.append((name, source, ids.tolist()))
    return found


@pytest.mark.parametrize("id_bytes", [2, 4])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_all_documents_in_order(tmp_path, monkeypatch, form, id_bytes):
    monkeypatch.setattr(exchanged, "CHUNK_BYTES", 4000)
    tokens = tokens_set(tmp_path / "tokens", id_bytes=id_bytes)
    export(tokens, form, tmp_path / "out")
    if form == "mds":
        read = [ids for _, _, ids in read_mds(tmp_path / "out")]
    elif form == "olmo":
        read = read_olmo(tmp_path / "out", f"<u{id_bytes}")
    else:
        read = {"megatron": read_megatron, "datatrove": read_datatrove, "litdata": read_litdata}[form](tmp_path / "out")
    assert read == documents(tokens)


@pytest.mark.parametrize("form", FORMATS)
def test_documents_without_a_token_are_kept_as_such(tmp_path, form):
    tokens = tokens_set(tmp_path / "tokens", [0, 3, 0, 0, 0, 0, 0, 9, 0])
    export(tokens, form, tmp_path / "out")
    readers = {"megatron": read_megatron, "datatrove": read_datatrove, "olmo": read_olmo, "litdata": read_litdata}
    read = [ids for _, _, ids in read_mds(tmp_path / "out")] if form == "mds" else readers[form](tmp_path / "out")
    assert read == documents(tokens)


def test_chunks_are_filled_to_their_limit_and_a_longer_document_has_one_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(exchanged, "CHUNK_BYTES", 20)
    export(tokens_set(tmp_path / "tokens", [4, 6, 1, 30, 2, 2]), "litdata", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [chunk["dim"] for chunk in index["chunks"]] == [10, 1, 30, 4]


def test_ids_of_documents_and_sources_go_along_where_the_format_has_room(tmp_path):
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, "mds", tmp_path / "mds")
    export(tokens, "olmo", tmp_path / "olmo")
    expected = [(doc_id.hex(), source) for doc_id, source in zip(column(tokens, "doc_id"), column(tokens, "source"), strict=True)]
    assert [(name, source) for name, source, _ in read_mds(tmp_path / "mds")] == expected
    text = b"".join(gzip.decompress(path.read_bytes()) for path in sorted((tmp_path / "olmo").glob("*.gz"))).decode()
    lines = list(csv.reader(text.splitlines()))
    assert [(line[2], line[3]) for line in lines] == expected and [int(line[4]) for line in lines] == list(range(len(expected)))


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_the_same_bytes_again_and_replaces_an_earlier_one(tmp_path, form):
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, form, tmp_path / "one")
    export(tokens_set(tmp_path / "more", [5] * 40), "mds", tmp_path / "two")
    export(tokens, form, tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    tokens = tokens_set(tmp_path / "tokens")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(TokenizeError, match="mine: is not empty and not an earlier export"):
        export(tokens, "megatron", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_set_without_tokens_is_refused(tmp_path):
    with pytest.raises(TokenizeError, match="holds no tokens"):
        export(tokens_set(tmp_path / "tokens", []), "megatron", tmp_path / "out")


def test_a_document_too_long_for_a_format_is_refused_before_a_file_is_written(tmp_path, monkeypatch):
    tokens = tokens_set(tmp_path / "tokens")
    monkeypatch.setattr("tokenize_tools.exchange.megatron.longest", lambda tokens: 1 << 31)
    with pytest.raises(TokenizeError, match="Megatron stores lengths as int32"):
        export(tokens, "megatron", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".cptkit-files", "cptkit.json"]


def test_sets_without_eos_warn_where_readers_need_it(tmp_path, caplog):
    export(tokens_set(tmp_path / "tokens", eos=False), "olmo", tmp_path / "out")
    assert "tokenize with --eos" in caplog.text
