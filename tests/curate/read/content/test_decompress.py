import bz2
import gzip
import io
import json
import lzma
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from curate.pipeline.run import run
from curate.read.batch import FileFault
from curate.read.content.decompress import chunks
from curate.read.content.lines import line_blocks
from curate.read.documents import check_columns, read_part
from curate.read.files import list_files
from curate.read.formats import format_of
from curate.read.part import FilePart, InputFile
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from shards.read import ShardSet
from tests.curate.corpus import document, jsonl
from tests.curate.read.inputs import one_file, read, recipe_of


def test_a_truncated_gzip_keeps_its_whole_lines_and_the_run_continues(tmp_path: Path) -> None:
    lines = jsonl([{"text": document(index)} for index in range(200)])
    one_file(tmp_path, "a.jsonl.gz", gzip.compress(lines)[:-3000])
    one_file(tmp_path, "b.txt", document(1000).encode())
    report = run(recipe_of(tmp_path, tmp_path / "in"), tmp_path / "out", 1).report
    (fault,) = report["faults"]
    assert fault["file"].endswith("a.jsonl.gz") and "cut short" in fault["problem"]
    texts = ShardSet(tmp_path / "out" / "documents").to_table()["text"].to_pylist()
    assert 100 < len(texts) - 1 < 200 and texts == [document(index) for index in range(len(texts) - 1)] + [document(1000)]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.json", "a.csv", "a.parquet", "a.arrow", "a.warc", "a.txt.gz", "a.html", b"\xff.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_a_fault_and_blocks_nothing(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    os.mkfifo(path)
    status = path.stat()
    file = InputFile(str(path), path.name, format_of(path.name) or "", InputRecipe(path=str(path)), 0, status.st_mtime_ns)
    with alarm_after(20), pytest.raises(FileFault, match="not a file but a pipe"):
        list(read_part(FilePart(file)))
    with alarm_after(20):
        check_columns([file])
        cut_tasks([file])


@contextmanager
def alarm_after(seconds: int) -> Iterator[None]:
    """End a test that hangs."""

    def ring(*_: object) -> None:
        raise AssertionError("blocked")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.parquet", "a.arrow", "a.warc"])
def test_a_file_without_the_right_to_read_it_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = one_file(tmp_path, name, b"x")
    (file,), _ = list_files((InputRecipe(path=str(path)),))

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("curate.read.content.decompress.os.open", denied)  # as root, who runs tests in containers, may read everything
    with pytest.raises(FileFault, match="Permission denied"):
        list(read_part(FilePart(file)))
    check_columns([file])
    cut_tasks([file])


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_file_not_compressed_as_its_name_says_is_a_fault(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_text("plain words, and no member of anything")
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    with pytest.raises(FileFault, match=f"is named {suffix} but not compressed that way"):
        list(read_part(FilePart(file)))


def test_memory_does_not_grow_with_a_members_expansion(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.jsonl.zst"
    bomb.write_bytes(zstd.compress((b'{"text":"a"}\n' + b" " * 9_999_987) * 40))
    sizes = [len(block.data or b"") for block in line_blocks(chunks(str(bomb)))]
    assert sum(sizes) == 400_000_000 and max(sizes) <= 16 << 20 and bomb.stat().st_size < 200_000


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
