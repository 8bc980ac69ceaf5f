"""Damaged and odd text, JSON, CSV, Parquet and Arrow files: a fault, a verdict, or rows that are sound; and every row is counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from curate.errors import CurateError
from curate.pipeline.measure import _sited
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.file_names import file_bytes
from curate.read.files import list_files
from curate.read.part import FilePart, InputFile, Tally
from curate.read.recipe import InputRecipe
from tests.hostile.tables import Hostile, mutations


def read(file: InputFile, bounds: list[int]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and faults of a file, read in stripes that begin at 0 and at `bounds`."""
    rows: list[dict[str, Any]] = []
    faults = []
    tally = Tally()
    for start, stop in zip([0, *bounds], [*bounds, None], strict=True):
        part = FilePart(file, start, stop)
        try:
            for batch in read_part(part, tally):
                placed = _sited(batch, part)
                placed.validate(full=True)
                rows += placed.to_pylist()
        except FileFault as fault:
            faults.append(str(fault))
    assert tally.seen == len(rows)
    return rows, faults


def check(folder: Path, hostile: Hostile) -> None:
    path = folder / hostile.name
    path.write_bytes(hostile.content)
    try:
        files, _ = list_files((InputRecipe(path=str(path), **hostile.keys),))
        check_columns(files)
    except CurateError as refusal:
        assert "has no column 'text'" in str(refusal) and not hostile.is_sound
        return
    finally:
        path_kept = path.exists()
    try:
        (file,) = files
        assert file_bytes(file.name) == path.name.encode("utf-8", "surrogateescape")
        rows, faults = read(file, [])
        assert all("\n" not in fault and fault.encode() for fault in faults), faults
        assert not hostile.is_sound or (len(rows) == hostile.n_rows and not faults), (len(rows), hostile.n_rows, faults)
        _check_rows(rows)
        if file.format in ("jsonl", "lines") and not faults:
            assert [_value(row) for row in read(file, [7, 100, 1000])[0]] == [_value(row) for row in rows]
    finally:
        assert path_kept
        path.unlink()


def _value(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its metadata as values: a letter may be written out or escaped, by the block it came in."""
    return row | {"metadata": json.loads(row["metadata"] or "{}", parse_int=str)}


def _check_rows(rows: list[dict[str, Any]]) -> None:
    numbers = [row["row"] for row in rows]
    assert len(set(numbers)) == len(numbers), numbers
    for row in rows:
        assert (row["problem"] is None) == (row["rule"] is None) and (row["text"] is None or row["problem"] is None), row
        assert row["problem"] is None or row["problem"].encode(), row
        assert row["metadata"] == "" or isinstance(json.loads(row["metadata"], parse_int=str), dict), row


def test_a_hundred_hostile_files_are_accounted_for(tmp_path: Path) -> None:
    for hostile in mutations(1, 120):
        check(tmp_path, hostile)


@pytest.mark.slow
def test_ten_thousand_hostile_files_are_accounted_for(tmp_path: Path) -> None:
    for hostile in mutations(2, 10_000):
        check(tmp_path, hostile)


def test_the_same_seed_gives_the_same_files() -> None:
    assert list(mutations(3, 40)) == list(mutations(3, 40)) != list(mutations(4, 40))
    assert any(hostile.is_sound for hostile in mutations(3, 40))
