import threading
import time

import numpy as np
import pyarrow as pa
import pytest

import mix.rows
import mix.sources
from mix.arrange import ArrangedSource
from mix.errors import MixError
from mix.pack import Packer, pack
from mix.rows import Packable, pack_lengths, read_packed, write_rows
from mix.sources import TokenSource
from shards.read import ShardSet
from shards.schemas import tokens_schema
from shards.stages import Stage
from shards.write import write_set
from tests.mix.conftest import INFO, read_documents

LENGTHS = np.random.default_rng(0).integers(0, 200, 300)


def written(tmp_path, folders, row_tokens=64, name="web"):
    source = TokenSource(name, folders)
    write_rows([Packable(source, Packer(row_tokens))], [tmp_path / "rows"], tmp_path / "work", 1)
    return ShardSet(tmp_path / "rows", "rows")


def pieces_of(rows):
    """(document id, first token, ids) of every segment; checks that rows are filled from the left and padded after."""
    for row in rows.to_table().to_pylist():
        place = 0
        for length, doc_id, start in zip(row["doc_lengths"], row["doc_ids"], row["doc_starts"], strict=True):
            yield doc_id, start, row["input_ids"][place : place + length]
            place += length
        assert place == row["n_tokens"] and set(row["input_ids"][place:]) <= {INFO["pad_id"]}


@pytest.mark.parametrize("id_bytes", [2, 4])
@pytest.mark.parametrize("window", [1 << 18, 70])
def test_the_pieces_of_rows_give_back_every_document(tmp_path, tokens, monkeypatch, window, id_bytes):
    monkeypatch.setattr(mix.sources, "WINDOW_DOCUMENTS", window)
    folders = [tokens("a", LENGTHS[:200], rows_per_file=90, batch=33, id_bytes=id_bytes), tokens("b", LENGTHS[200:], seed=9, id_bytes=id_bytes)]
    found: dict[bytes, list[int]] = {}
    for doc_id, start, ids in sorted(pieces_of(written(tmp_path, folders))):
        assert start == len(found.setdefault(doc_id, []))
        found[doc_id] += ids
    expected = read_documents(folders[0]) | read_documents(folders[1])
    assert found == {doc_id: ids for doc_id, ids in expected.items() if ids}


def test_rows_are_those_of_the_packing_and_a_preview_knows_them_without_writing(tmp_path, tokens):
    folder = tokens("a", LENGTHS)
    rows = written(tmp_path, [folder])
    assert rows.to_table()["n_tokens"].to_pylist() == pack(LENGTHS, 64).row_lengths().tolist()
    ahead, after = pack_lengths(TokenSource("web", [folder]), Packer(64)), read_packed("web", tmp_path / "rows")
    assert ahead[:6] == after[:6] == ("web", 64, 300, (LENGTHS > 64).sum(), len(rows), LENGTHS.sum())
    assert all(np.array_equal(one, other) for one, other in zip(ahead.short, after.short, strict=True))
    assert rows.manifest.info["n_tokens"] == LENGTHS.sum()


def test_rows_depend_on_tokens_and_row_length_not_on_the_source_s_name_or_place(tmp_path, tokens):
    first = written(tmp_path / "1", [tokens("a", LENGTHS)])
    second = written(tmp_path / "2", [tokens("b", LENGTHS)], name="other")
    assert first.manifest == second.manifest
    assert first.manifest != written(tmp_path / "3", [tokens("a", LENGTHS)], row_tokens=32).manifest


def test_an_empty_source_gives_an_empty_set(tmp_path, tokens):
    rows = written(tmp_path, [tokens("a", [])])
    assert len(rows) == 0 and read_packed("web", tmp_path / "rows").n_rows == 0
    assert len(written(tmp_path / "zeros", [tokens("b", [0, 0])])) == 0


def test_a_document_of_many_rows_and_documents_of_one_token(tmp_path, tokens):
    rows = written(tmp_path, [tokens("a", [64 * 50 + 3, *[1] * 61])])
    assert rows.to_table()["n_tokens"].to_pylist() == [64] * 51


def test_a_damaged_tokens_file_is_named_with_its_source(tmp_path, tokens):
    folder = tokens("a", LENGTHS)
    path = folder / ShardSet(folder).manifest.files[0].name
    damaged = bytearray(path.read_bytes())
    damaged[-2000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(MixError, match=r"source web: .*part-00000.arrow: checksum"):
        write_rows([Packable(TokenSource("web", [folder], verify=False), Packer(64))], [tmp_path / "rows"], tmp_path / "work", 1)
    assert not (tmp_path / "rows" / "manifest.json").exists()


def test_existing_rows_are_left_alone_and_outdated_ones_are_replaced(tmp_path, tokens, monkeypatch):
    folder = tokens("a", LENGTHS)
    before = written(tmp_path, [folder]).manifest
    with monkeypatch.context() as patch:
        patch.setattr(Stage, "commit", lambda *args, **options: pytest.fail("packed again"))
        assert written(tmp_path, [folder]).manifest == before
    (tmp_path / "rows" / before.files[0].name).unlink()
    assert written(tmp_path, [folder]).manifest == before
    assert written(tmp_path, [tokens("a", LENGTHS[:100])]).manifest != before


@pytest.mark.parametrize("id_bytes", [2, 4])
def test_an_id_that_the_tokenizer_lacks_is_named_with_its_set_and_document(tmp_path, monkeypatch, id_bytes):
    monkeypatch.setattr(mix.sources, "WINDOW_DOCUMENTS", 2)
    monkeypatch.setattr(mix.rows, "WINDOW_DOCUMENTS", 2)
    folders = [write_ids(tmp_path / name, documents, id_bytes) for name, documents in (("a", [[5, 9], [9] * 70, [4]]), ("b", [[3], [], [7, 8, 10, 2], [9]]))]
    with pytest.raises(MixError, match=r"source web: .*/b: row 2 holds id 10, but the tokenizer has ids 0 to 9; make the set again") as caught:
        written(tmp_path, folders, row_tokens=32)
    assert "\n" not in str(caught.value) and not (tmp_path / "rows" / "manifest.json").exists()


def test_an_unknown_id_is_reported_with_its_row_in_the_set_in_any_order_of_documents(tmp_path):
    source = ArrangedSource("web", [write_ids(tmp_path / "a", [[5, 9], [4], [3, 12], [1]], 2)], np.array([3, 2, 0]), 5, {"split": ["topic", "law"]}, ())
    with pytest.raises(MixError, match=r"/a: row 2 holds id 12"):
        write_rows([Packable(source, Packer(32))], [tmp_path / "rows"], tmp_path / "work", 1)


def write_ids(folder, documents, id_bytes):
    """A tokens set of a tokenizer of ten ids."""
    lists = pa.array(documents, pa.large_list(pa.uint16() if id_bytes == 2 else pa.uint32()))
    n = len(documents)
    columns = [
        pa.array([bytes([i]) * 16 for i in range(n)], pa.binary(16)),
        lists,
        pa.array([1] * n, pa.int64()),
        pa.array(["test"] * n),
        pa.nulls(n, pa.bool_()),
    ]
    schema = tokens_schema(id_bytes)
    info = INFO | {"n_vocab": 10}
    write_set(folder, "tokens", schema, [pa.record_batch(columns, schema=schema)], info=info, compression=None, token_column="tokens")
    return folder


def test_two_mixes_that_share_rows_can_be_built_at_once(tmp_path, tokens):
    """The second waits for the rows of the first, and packs nothing."""
    source = TokenSource("web", [tokens("web", LENGTHS)])
    packable = Packable(source, Packer(64))
    started, both = threading.Event(), []
    pack_all = mix.rows._write_missing

    def slow(missing, work, workers):
        both.append(len(missing))
        started.set()
        time.sleep(0.2 if len(both) == 1 else 0)
        pack_all(missing, work, workers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mix.rows, "_write_missing", slow)
        first = threading.Thread(target=write_rows, args=([packable], [tmp_path / "shared" / "web"], tmp_path / "first", 1))
        first.start()
        started.wait()
        write_rows([packable], [tmp_path / "shared" / "web"], tmp_path / "second", 1)
        first.join()
    assert both == [1, 0] and ShardSet(tmp_path / "shared" / "web", "rows").manifest.n_rows
