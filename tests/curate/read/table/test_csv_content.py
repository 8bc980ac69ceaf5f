"""A damaged CSV file gives its whole rows before the damage, and nothing of the row it lies in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.read.batch import FileFault
from curate.read.table.csv_content import WholeRows
from tests.curate.read.inputs import read

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
def test_quotes_in_tsv_join_rows_only_if_the_file_proves_that_it_uses_quoting(tmp_path: Path, kind: str) -> None:
    content, expected = TSV[kind]
    (tmp_path / "a.tsv").write_text(content)
    assert [row["text"] for row in read(tmp_path / "a.tsv")] == expected
