"""Tables of every shape: what columns are called, what they hold, and what is wrong with them costs a verdict or a fault of the file."""

import bz2
import datetime
import decimal
import gzip
import io
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from curate.errors import CurateError
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.files import list_files
from curate.read.part import Part
from curate.read.recipe import InputRecipe
from curate.read.table.columns import distinct_names

TEXTS = ["a", "b", None, "d"]
COLUMNS = {
    "null": (pa.nulls(4), None),
    "dictionary": (pa.array(["x", "y", "x", None]).dictionary_encode(), "x"),
    "list": (pa.array([[1, 2], [], None, [3]]), [1, 2]),
    "nested": (pa.array([{"a": 1, "b": [{"c": "x"}]}, None, None, None]), {"a": 1, "b": [{"c": "x"}]}),
    "map": (pa.array([[("k", 1)], [], None, None], pa.map_(pa.string(), pa.int64())), {"k": 1}),
    "date": (pa.array([datetime.date(2024, 1, 31)] * 4), "2024-01-31"),
    "decimal": (pa.array([decimal.Decimal("1.50")] * 4, pa.decimal256(50, 2)), "1.50"),
    "nan": (pa.array([float("nan"), 1.0, None, float("inf")]), None),
    "large": (pa.array([2**64 - 1] * 4, pa.uint64()), 2**64 - 1),
    "binary": (pa.array([b"\xff", None, b"", b"a"]), "ff"),
    "view": (pa.array(["x"] * 4, pa.string_view()), "x"),
    "list view": (pa.array([[1]] * 4, pa.list_view(pa.int8())), [1]),
    "runs": (pa.RunEndEncodedArray.from_arrays(pa.array([4], pa.int32()), pa.array(["x"])), "x"),
    "union": (pa.UnionArray.from_sparse(pa.array([0, 1, 0, 1], pa.int8()), [pa.array(list("abcd")), pa.array([1, 2, 3, 4])]), "a"),
    "interval": (pa.array([(1, 2, 3)] * 4, pa.month_day_nano_interval()), [1, 2, 3]),
}


def written(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    return path


def read(path: Path) -> list[dict[str, object]]:
    files, _ = list_files((InputRecipe(path=str(path)),))
    check_columns(files)
    rows = []
    for batch in read_part(Part(files[0])):
        batch.validate(full=True)
        rows += batch.to_pylist()
    return rows


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_columns_of_any_type_become_metadata(tmp_path: Path, kind: str, suffix: str) -> None:
    column, first = COLUMNS[kind]
    try:
        path = written(tmp_path / f"a{suffix}", pa.table({"text": TEXTS, "x": column}))
    except pa.ArrowNotImplementedError:
        assert suffix == ".parquet" and kind in ("runs", "union", "interval")
        return
    rows = read(path)
    assert [row["text"] for row in rows] == TEXTS and json.loads(str(rows[0]["metadata"])) == {"x": first}


@pytest.mark.parametrize("kind", ["dictionary", "view", "runs", "binary", "null"])
def test_text_may_be_stored_in_many_ways(tmp_path: Path, kind: str) -> None:
    rows = read(written(tmp_path / "a.arrow", pa.table({"text": COLUMNS[kind][0]})))
    expected = {"binary": None, "null": None}.get(kind, "x")
    assert rows[0]["text"] == expected and (rows[0]["problem"] is not None) == (kind == "binary")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_name_that_stands_twice_is_numbered_and_a_doubled_text_is_a_fault(tmp_path: Path, suffix: str) -> None:
    doubled = pa.Table.from_arrays([pa.array(TEXTS), pa.array([1] * 4), pa.array([2] * 4), pa.array([3] * 4)], names=["text", "id", "id", "url"])
    rows = read(written(tmp_path / f"a{suffix}", doubled))
    assert rows[0]["metadata"] == '{"id":1,"id_2":2}' and rows[0]["url"] == "3"
    twice = pa.Table.from_arrays([pa.array(TEXTS), pa.array(TEXTS)], names=["text", "text"])
    with pytest.raises(FileFault, match="2 columns are called 'text'; rename all but one"):
        read(written(tmp_path / f"b{suffix}", twice))


def test_numbers_for_doubled_names_are_free_ones() -> None:
    assert distinct_names(["a", "a", "a_2", "a", "b", ""]) == ["a", "a_3", "a_2", "a_4", "b", ""]
    assert distinct_names(["a_2", "a", "a"]) == ["a_2", "a", "a_3"]


CSV = {
    "ragged": (b"text,n\na,1\nb\nc,1,2\nd,4\n", ["a", None, None, "d"]),
    "mark": (b"\xef\xbb\xbftext,n\na,1\n", ["a"]),
    "zero": (b"text,n\na\0b,1\n", ["a\0b"]),
    "no names": (b",text,\n1,a,2\n", ["a"]),
    "doubled": (b"text,id,id\na,1,2\n", ["a"]),
    "no rows": (b"text,n\n", []),
    "blank lines first": (b"\n\ntext,n\na,1\n", ["a"]),
    "carriage returns": (b"text,n\ra,1\r", ["a"]),
    "quotes": (b'text,n\n"a ""q""\nb",1\n', ['a "q"\nb']),
    "line feed in a name": (b'"te\nxt",text\na,b\n', ["b"]),
    "an escape in a name": (b"text,a\x1bb\na,b\n", ["a"]),
    "not UTF-8": (b"text,n\na\xff,1\nb,2\n", [None, "b"]),
    "a name that is not UTF-8": (b"text,\xff\na,\xff\n", ["a"]),
    "a ragged row that is not UTF-8": (b"text,n\na,1\n\xff\xe9\xff\nb,\xc3\n", ["a", None, "b"]),
    "wide": (b"text," + b",".join(b"c%d" % n for n in range(10_000)) + b"\na," + b",".join([b"1"] * 10_000) + b"\n", ["a"]),
    "a row of 9 MB": (b"text,n\na,1\n" + b"x" * (9 << 20) + b",2\nb,3\n", ["a", "x" * (9 << 20), "b"]),
}


@pytest.mark.parametrize("kind", CSV)
def test_csv_of_any_shape_is_read_row_by_row(tmp_path: Path, kind: str) -> None:
    content, texts = CSV[kind]
    (tmp_path / "a.csv").write_bytes(content)
    rows = sorted(read(tmp_path / "a.csv"), key=lambda row: row["row"])  # type: ignore[arg-type,return-value]
    assert [row["text"] for row in rows] == texts and [row["row"] for row in rows] == list(range(len(texts)))


@pytest.mark.parametrize("content, said", [(b"", "no line with column names"), (b"\n\n", "no line with")])
def test_csv_without_names_that_can_be_read_is_a_fault(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read(tmp_path / "a.csv")


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet", "a.arrow", "a.txt"])
def test_a_damaged_compressed_file_is_one_fault(tmp_path: Path, name: str, suffix: str) -> None:
    table, out = pa.table({"text": [f"a line of text, number {n}" for n in range(2000)]}), io.BytesIO()
    if name == "a.parquet":
        pq.write_table(table, out)
    elif name == "a.arrow":
        with pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
    elif name == "a.csv":
        out.write(b"text\n" + b"".join(b'"%s"\n' % text.encode() for text in table["text"].to_pylist()))
    else:
        records = [json.dumps(row) for row in table.to_pylist()]
        out.write(("[" + ",\n".join(records) + "]" if name == "a.json" else "\n".join(records)).encode())
    packed = PACK[suffix](out.getvalue())
    middle = len(packed) // 2
    flipped = packed[:middle] + bytes([packed[middle] ^ 255]) + packed[middle + 1 :]
    for data in (packed[:-3], packed[:middle], b"xx" + packed, b"", *([] if suffix == ".zst" else [flipped])):  # zstd writes no checksum by default
        path = tmp_path / (name + suffix)
        path.write_bytes(data)
        with pytest.raises(FileFault) as caught:
            read(path)
        assert "\n" not in str(caught.value) and "Empty CSV" not in str(caught.value)


@pytest.mark.parametrize(
    "head, said",
    [
        ("text;n", "columns must be separated by commas, but this file has semicolons: write it with commas"),
        ("text|n", "columns must be separated by commas, but this file has bars: write it with commas"),
        ("sep=;\ntext;n", "columns must be separated by commas, but the first line says semicolons: write the file with commas and without that line"),
        ("sep=,\ntext,n", "columns must be separated by commas, but the first line says commas: write the file with commas and without that line"),
    ],
)
def test_csv_with_other_separators_is_told_what_is_expected(tmp_path: Path, head: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(f"{head}\nword;1\n")
    files, _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    with pytest.raises(CurateError, match=said):
        check_columns(files)
    with pytest.raises(FileFault, match=said):
        list(read_part(Part(files[0])))


def test_a_table_without_the_column_among_others_is_a_fault_of_its_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("other,n\nword,1\n")
    (tmp_path / "b.csv").write_text("text,n\nword,1\n")
    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    check_columns(files)
    with pytest.raises(FileFault, match="no column 'text'"):
        list(read_part(Part(files[0])))
    (tmp_path / "b.csv").unlink()
    with pytest.raises(CurateError, match="no column 'text'"):
        check_columns(list_files((InputRecipe(path=str(tmp_path)),))[0])


TSV = {
    "a quote that opens a cell": ('text\tn\n"To be\t1\nor not\t2\nto be"\t3\n', ['"To be', "or not", 'to be"']),
    "a quote that is never closed": ('text\tn\n"To be\t1\nor not\t2\n', ['"To be', "or not"]),
    "speech": ('text\tn\n"No," she said. "Go"\t1\nplain\t2\n', ['"No," she said. "Go"', "plain"]),
    "quoted cells": ('text\tn\n"a ""word"""\t1\n"b"\t2\n', ['a "word"', "b"]),
    "quoted names": ('"text"\t"n"\n"a\nb"\t1\n', ["a\nb"]),
    "quoted line feeds": ('text\tn\n"two\nlines"\t1\nplain\t2\n', ["two\nlines", "plain"]),
    "no quotes": ("text\tn\na\t1\n", ["a"]),
    "a quote after much else": ("text\tn\n" + "word\t1\n" * 20_000 + '"a\t1\nb"\t2\n', ["word"] * 20_000 + ['"a', 'b"']),
    "a quoted cell at the end of what is looked at": ("text\tn\n" + '"words\nand ""more"""\t1\n' * 20_000, ['words\nand "more"'] * 20_000),
}


@pytest.mark.parametrize("kind", TSV)
def test_quotes_in_tsv_join_no_rows_unless_the_file_proves_that_they_hold_cells(tmp_path: Path, kind: str) -> None:
    content, expected = TSV[kind]
    (tmp_path / "a.tsv").write_text(content)
    assert [row["text"] for row in read(tmp_path / "a.tsv")] == expected
