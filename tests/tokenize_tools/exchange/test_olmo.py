import csv
import gzip

import numpy as np
import pytest
import xxhash

from tests.tokenize_tools.exchange.sets import EOS, FACTS, check_damage_is_refused, column, documents, tokens_set
from tokenize_tools.exchange.exporting import export
from tokenize_tools.exchange.importing import import_tokens


def test_olmo_core_finds_our_documents_by_index_and_by_eos(tmp_path):
    utils = pytest.importorskip("olmo_core.data.utils", exc_type=ImportError)
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, "olmo", tmp_path / "out")
    by_index, by_eos = [], []
    for path in sorted((tmp_path / "out").glob("*.npy")):
        ids = np.memmap(path, np.uint16, "r")
        by_index += [ids[a:b].tolist() for a, b in utils.iter_document_indices(path, use_array_if_local=False, dtype=np.uint16)]
        by_eos += [ids[a:b].tolist() for a, b in utils.iter_document_indices(path, eos_token_id=EOS, dtype=np.uint16)]
    assert by_index == by_eos == documents(tokens)


def test_each_document_name_of_a_dolma_index_gets_an_id(tmp_path):
    np.array([4, 5, 6], "<u2").tofile(tmp_path / "a.npy")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"0,2,cc-1,s3://x/a.gz,1\n2,3,cc-2,s3://x/a.gz,2\n"))
    import_tokens([tmp_path], "olmo", tmp_path / "out", FACTS)
    assert column(tmp_path / "out", "doc_id") == [xxhash.xxh3_128_digest(b"cc-1"), xxhash.xxh3_128_digest(b"cc-2")]
    assert column(tmp_path / "out", "source") == ["s3://x/a.gz"] * 2
    import_tokens([tmp_path], "olmo", tmp_path / "named", FACTS, source="dolma")
    assert column(tmp_path / "named", "source") == ["dolma"] * 2


def test_olmo_cores_index_of_two_columns_is_read(tmp_path):
    np.array([4, 5, 6], "<u4").tofile(tmp_path / "a.npy")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"0,2\n2,3\n"))
    import_tokens([tmp_path], "olmo", tmp_path / "out", FACTS, dtype="uint32")
    assert documents(tmp_path / "out") == [[4, 5], [6]]


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("part-00000.npy", lambda raw: raw[:-2], r"documents end at token .*, but part-00000\.npy has"),
        ("part-00000.npy", lambda raw: b"\x93NUMPY" + raw, "has a NumPy header"),
        ("part-00000.csv.gz", lambda raw: raw[:40], "not a readable index"),
        ("part-00000.csv.gz", lambda raw: b"0,1\n", "not a readable index"),
        ("part-00000.csv.gz", lambda raw: gzip.compress(b"0,1,a\n"), "3 columns"),
        ("part-00000.csv.gz", lambda raw: gzip.compress(b"0,x\n"), "not a readable index"),
        ("part-00000.csv.gz", lambda raw: gzip.compress(b"1,2\n"), "from token 0"),
    ],
)
def test_a_damaged_file_without_a_note_is_refused_in_one_line_and_no_set_is_left(tmp_path, name, change, message):
    check_damage_is_refused(tmp_path, "olmo", name, change, message)


def test_the_index_has_the_ids_sources_and_numbers_of_documents(tmp_path):
    tokens = tokens_set(tmp_path / "tokens")
    export(tokens, "olmo", tmp_path / "olmo")
    expected = [(doc_id.hex(), source) for doc_id, source in zip(column(tokens, "doc_id"), column(tokens, "source"), strict=True)]
    text = b"".join(gzip.decompress(path.read_bytes()) for path in sorted((tmp_path / "olmo").glob("*.gz"))).decode()
    lines = list(csv.reader(text.splitlines()))
    assert [(line[2], line[3]) for line in lines] == expected and [int(line[4]) for line in lines] == list(range(len(expected)))
