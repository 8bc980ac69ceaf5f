"""Reads archives of generated records, and says what becomes of one of them."""

import random
from pathlib import Path
from typing import Any

from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart, Tally
from curate.read.recipe import InputRecipe
from tests.hostile.warc import http, packed_by_record, page, record, sentence, url_of

HTML = "Content-Type: text/html"


CHUNKED = "Transfer-Encoding: chunked"


NOISE = random.Random(1).randbytes(4000)


def read(tmp_path: Path, content: bytes, name: str = "a.warc") -> tuple[list[dict[str, Any]], Tally, str]:
    """Rows, tally and fault."""
    (tmp_path / "in").mkdir(exist_ok=True)
    path = tmp_path / "in" / name
    path.write_bytes(content)
    (file,), _ = list_files((InputRecipe(path=str(path), format="warc"),))
    rows, tally, fault = [], Tally(), ""
    try:
        for batch in read_part(FilePart(file), tally):
            rows += batch.to_pylist()
    except FileFault as error:
        fault = str(error)
    assert tally.seen == len(rows) + tally.passed_over.total()
    return rows, tally, fault


def outcome(tmp_path: Path, block: bytes, *fields: str, **changes: Any) -> str:
    """What becomes of page 1 in this block, between two sound records: its text, the reason why it was not read, or what it was counted as."""
    content = [record(http(page(0)), url=url_of(0)), record(block, *fields, **changes), record(http(page(2)), url=url_of(2))]
    outcomes = set()
    for name, archive in (("a.warc", b"".join(content)), ("b.warc.gz", packed_by_record(content))):
        rows, tally, fault = read(tmp_path, archive, name)
        assert not fault and tally.seen == 3
        assert [rows[0]["text"], rows[-1]["text"]] == [sentence(0), sentence(2)]
        outcomes.add(next(iter(tally.passed_over)) if tally.passed_over else rows[1]["problem"] or rows[1]["text"])
    (only,) = outcomes
    return only


def in_chunks(body: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    return (
        b"".join(b"%x%b\r\n%b\r\n" % (len(body[at : at + 50]), extension, body[at : at + 50]) for at in range(0, len(body), 50)) + b"0\r\n" + trailer + b"\r\n"
    )
