import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from curate.read.table import csv as tables
from curate.read.table.csv import csv_columns, read_csv
from tests.curate.read.inputs import read

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
def test_csv_without_readable_column_names_is_a_fault(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "head, said",
    [
        ("text;n", "columns must be separated by commas, but this file has semicolons: write it with commas"),
        ("text|n", "columns must be separated by commas, but this file has bars: write it with commas"),
        ("sep=;\ntext;n", "columns must be separated by commas, but the first line says semicolons: write the file with commas and without that line"),
        ("sep=,\ntext,n", "columns must be separated by commas, but the first line says commas: write the file with commas and without that line"),
    ],
)
def test_csv_with_other_separators_is_refused_with_advice(tmp_path: Path, head: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(f"{head}\nword;1\n")
    files, _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    with pytest.raises(CurateError, match=said):
        check_columns(files)
    with pytest.raises(FileFault, match=said):
        list(read_part(FilePart(files[0])))


def test_a_truncated_csv_file_gives_its_rows_before_the_damage(tmp_path: Path) -> None:
    lines = b"".join(b"line %d of many,%d\n" % (number, number) for number in range(5000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,n\n" + lines)[:-2000])
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv.gz")),))
    rows: list[dict[str, object]] = []
    with pytest.raises(FileFault, match=r"cut short; fetch the file again; \d+ rows before that were read") as caught:
        for batch in read_part(FilePart(file)):
            rows += batch.to_pylist()
    assert f"{len(rows)} rows" in str(caught.value) and 100 < len(rows) < 5000
    assert [(row["text"], row["row"]) for row in rows] == [(f"line {number} of many", number) for number in range(len(rows))]


def test_no_thread_keeps_reading_once_names_are_known_or_reading_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces_read = 0
    ended: list[bool] = []

    def endless(path: str, encoding: str | None) -> Iterator[bytes]:
        nonlocal pieces_read
        yield b"text,n\n"
        while True:
            pieces_read += 1
            yield b"a line,1\n" * (1 << 16)

    class Watched(tables._Stoppable):
        def __next__(self) -> bytes:
            try:
                return super().__next__()
            except StopIteration:
                ended.append(True)
                raise

    monkeypatch.setattr(tables, "utf8_chunks", endless)
    monkeypatch.setattr(tables, "_Stoppable", Watched)
    (tmp_path / "a.csv").write_bytes(b"text,n\n")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    assert csv_columns(file) == ["text", "n"] and pieces_read == 0
    batches = read_csv(FilePart(file))
    next(batches)
    assert pieces_read and not ended
    batches.close()  # type: ignore[attr-defined]
    assert ended  # Arrow's thread met the end, after which it reads nothing


def test_a_missing_column_is_reported_although_no_row_fits(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"# made by hand \xff\ntext,n\na,1\n")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    with pytest.raises(FileFault, match="no column 'text'; it has: # made by hand \ufffd"):
        list(read_csv(FilePart(file)))


@pytest.mark.parametrize(
    "content, texts, said",
    [
        (b'n,text\n1,a\n2,"b\n3,c\n4,d\n', ["a", None], "a quote in row 1 is not closed; all lines after it are lost in that row"),
        (b'text\n"a\nb', [None], "a quote in row 0 is not closed"),
        (b'n,text\n1,5" wide\n2,b\n', ['5" wide', "b"], ""),
        (b'n,text\n1,5" wide\n2,"b\nc"\n3,d\n', ['5" wide', "b\nc", "d"], ""),
        (b'text,n\na,1\n"b,2\nc,3\n', ["a", None], ""),
    ],
)
def test_an_unclosed_quote_is_reported(tmp_path: Path, content: bytes, texts: list[str | None], said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    rows: list[dict[str, object]] = []
    fault = ""
    try:
        for batch in read_csv(FilePart(file)):
            rows += batch.to_pylist()
    except FileFault as error:
        fault = str(error)
    assert [row["text"] for row in rows] == texts and fault.startswith(said) and bool(fault) == bool(said)
    assert all("quote" in str(row["problem"]) for row in rows if row["text"] is None)
