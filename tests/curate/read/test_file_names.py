import os
from pathlib import Path

from typer.testing import CliRunner

from curate.cli import app
from curate.read.file_names import file_bytes, file_name
from shards.read import ShardSet
from tests.curate.read.inputs import curate, write

ODD = [b"bad\xff\xfe.txt", b"new\nline.txt", b"back\\slash.txt", b"\\xff.txt", b"esc\x1b[31m.txt", b"\xc2\x85 c1.txt", "ü 日本.txt".encode()]


ODD += [b"-rf.txt", b" .txt", b"%s{}.txt"]


def test_any_file_name_becomes_text_and_can_be_restored() -> None:
    for name in [*ODD, bytes(range(1, 256)), b"\\\\", b"\\u0085", b"\xc2\x85\x85"]:
        text = file_name(os.fsdecode(name))
        assert file_bytes(text) == name and text.isprintable() and text.encode()
    assert file_name("plain/ü.txt") == "plain/ü.txt" and file_name(os.fsdecode(b"a\xffb\n")) == r"a\xffb\x0a"


def test_files_of_any_name_are_read_and_found_by_it(tmp_path: Path) -> None:
    write(tmp_path / "in", *ODD)
    output = curate(tmp_path, tmp_path / "in", tmp_path / "out")
    documents = ShardSet(tmp_path / "out" / "documents").to_table().to_pylist()
    assert {file_bytes(row["file"]) for row in documents} == set(ODD) and f"{len(ODD)} documents" in output
    assert "\x1b" not in output
    result = CliRunner().invoke(app, ["why", r"bad\xff\xfe.txt", "--run", str(tmp_path / "out")])
    assert result.exit_code == 0 and "kept" in result.output
