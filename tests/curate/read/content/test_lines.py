import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from tests.curate.corpus import document

COMPRESS = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_stripes_together_are_the_file(tmp_path: Path, suffix: str) -> None:
    lines = [json.dumps({"text": document(index, index % 7), "n": index}) if index % 5 else "" for index in range(300)]
    data = "\n".join(lines).encode()
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](data))
    expected = [(row, row) for row in range(300) if row % 5]
    for bounds in ([0, 1000, 30_000], [0, data.index(b"\n"), data.index(b"\n") + 1, len(data) - 1, len(data), 10 * len(data)], list(range(0, len(data), 7919))):
        got = [(row["row"], json.loads(row["metadata"])["n"]) for row in read_stripes(path, bounds)]
        assert got == expected


def read_stripes(path: Path, bounds: list[int]) -> list[dict[str, Any]]:
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    parts = [FilePart(file, start, stop) for start, stop in zip(bounds, [*bounds[1:], None], strict=True)]
    return [row for part in parts for batch in read_part(part) for row in batch.to_pylist()]


def test_damage_is_reported_by_one_stripe_only_after_all_whole_lines(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": document(index)}).encode() + b"\n" for index in range(400))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(data)[:-9000])
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    bounds = list(range(0, len(data), 20_000))
    rows, faults = [], []
    for start, stop in zip(bounds, [*bounds[1:], None], strict=True):
        try:
            for batch in read_part(FilePart(file, start, stop)):
                rows += batch["row"].to_pylist()
        except FileFault as fault:
            faults.append(str(fault))
    assert faults == ["the compressed data is cut short; fetch the file again"]
    assert rows == list(range(len(rows))) and 200 < len(rows) < 400


def test_a_line_longer_than_the_limit_is_one_unreadable_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.content.lines.MAX_RECORD_BYTES", 3 << 20)
    monkeypatch.setattr("curate.read.content.lines.BLOCK_BYTES", 1 << 16)
    path = tmp_path / "a.jsonl.gz"
    small = b'{"text":"small"}\n'
    path.write_bytes(gzip.compress(small * 3 + b"x" * (9 << 20) + b"\n\n" + small + b"y" * (9 << 20)))
    problems = {row["row"]: row["problem"] for row in read_stripes(path, [0])}
    assert list(problems) == [0, 1, 2, 3, 5, 6]
    assert {row for row, problem in problems.items() if problem and "longer than" in problem} == {3, 6}
