"""A damaged CSV file gives its whole rows before the damage, and nothing of the row it lies in."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import Part
from curate.read.recipe import InputRecipe
from curate.read.table import csv as tables
from curate.read.table.csv import csv_columns, read_csv
from curate.read.table.csv_content import WholeRows

ROWS = b'text,n\n"a\nb ""c""\n",1\nplain,2\n"x,\n\n",3\nend,4'


def damaged(data: bytes, size: int, stop: int | None) -> Iterator[bytes]:
    for at in range(0, len(data) if stop is None else stop, size):
        yield data[at : at + size][: None if stop is None else stop - at]
    if stop is not None:
        raise FileFault("damage")


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_rows_are_whole_up_to_the_damage(size: int) -> None:
    ends = {0, 7, 22, 30, 39}
    assert {at for at in range(1, len(ROWS)) if ROWS[at - 1 : at] == b"\n" and ROWS[:at].count(b'"') % 2 == 0} | {0} == ends
    for stop in range(len(ROWS)):
        content = WholeRows(damaged(ROWS, size, stop))
        assert b"".join(content) == ROWS[: max(end for end in ends if end <= stop)]
        assert str(content.fault) == "damage"
    content = WholeRows(damaged(ROWS, size, None))
    assert b"".join(content) == ROWS and content.fault is None


def test_a_csv_file_that_is_cut_short_gives_what_came_before(tmp_path: Path) -> None:
    lines = b"".join(b"line %d of many,%d\n" % (number, number) for number in range(5000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,n\n" + lines)[:-2000])
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv.gz")),))
    rows: list[dict[str, object]] = []
    with pytest.raises(FileFault, match=r"cut short; fetch the file again; \d+ rows before that were read") as caught:
        for batch in read_part(Part(file)):
            rows += batch.to_pylist()
    assert f"{len(rows)} rows" in str(caught.value) and 100 < len(rows) < 5000
    assert [(row["text"], row["row"]) for row in rows] == [(f"line {number} of many", number) for number in range(len(rows))]


def test_no_thread_reads_on_when_names_are_known_or_reading_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces_read = 0

    def endless(path: str, encoding: str | None) -> Iterator[bytes]:
        nonlocal pieces_read
        yield b"text,n\n"
        while True:
            pieces_read += 1
            time.sleep(0.001)
            yield b"a line,1\n" * (1 << 16)

    monkeypatch.setattr(tables, "utf8_chunks", endless)
    (tmp_path / "a.csv").write_bytes(b"text,n\n")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    assert csv_columns(file) == ["text", "n"] and pieces_read == 0
    batches = read_csv(Part(file))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    before = pieces_read
    time.sleep(0.3)
    assert pieces_read == before


def test_a_column_is_missed_though_no_row_fits(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"# made by hand \xff\ntext,n\na,1\n")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    with pytest.raises(FileFault, match="no column 'text'; it has: # made by hand \ufffd"):
        list(read_csv(Part(file)))


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
def test_a_quote_that_is_not_closed_is_told(tmp_path: Path, content: bytes, texts: list[str | None], said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.csv")),))
    rows: list[dict[str, object]] = []
    fault = ""
    try:
        for batch in read_csv(Part(file)):
            rows += batch.to_pylist()
    except FileFault as error:
        fault = str(error)
    assert [row["text"] for row in rows] == texts and fault.startswith(said) and bool(fault) == bool(said)
    assert all("quote" in str(row["problem"]) for row in rows if row["text"] is None)
