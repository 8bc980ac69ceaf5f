import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from tests.curate.read.inputs import one_file, raw


def test_text_that_is_not_utf8_is_unreadable_and_says_where(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.txt", b"caf\xe9 and more")
    (record,) = raw(path)
    assert str(record["problem"]).startswith("invalid UTF-8: byte 0xe9 at 3; ") and record["text"] is None


def test_front_matter_becomes_metadata_and_invalid_front_matter_is_kept(tmp_path: Path) -> None:
    (record,) = raw(one_file(tmp_path, "a.md", b"---\ntitle: T\ndate: 2020-01-02\n---\nBody --- with dashes.\n"))
    assert record["text"] == "Body --- with dashes.\n" and json.loads(record["metadata"]) == {"title": "T", "date": "2020-01-02"}
    (record,) = raw(one_file(tmp_path, "b.md", b"---\na: [\n---\nBody.\n"))
    assert record["text"] == "Body.\n" and json.loads(record["metadata"]) == {"front_matter": "a: [\n"}
    (record,) = raw(one_file(tmp_path, "c.md", b"Text with a line\n---\nand more\n"))
    assert record["text"] == "Text with a line\n---\nand more\n" and record["metadata"] == ""


LIMIT = 1000


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_a_file_above_the_limit_is_not_read_to_its_end(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(b"x" * 3_000_000)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / name), max_document_bytes=LIMIT),))
    n_read = 0

    def counted(path: str, encoding: str | None) -> Iterator[bytes]:
        nonlocal n_read
        for _ in range(3000):
            n_read += 1
            yield b"x" * 1000

    monkeypatch.setattr("curate.read.text.utf8_chunks", counted)
    (row,) = [row for batch in read_part(FilePart(file)) for row in batch.to_pylist()]
    assert row["rule"] == "read/too_long" and n_read == 2
