"""Damaged and odd web archives: nothing crashes, every record is accounted for, and what a fault cannot reach is read."""

import random
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curate.read.archive.records import read_records
from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart, Tally
from curate.read.recipe import InputRecipe
from tests.hostile.warc import Hostile, http, mutations, page, record


def read(path: Path, bounds: list[int]) -> tuple[list[dict[str, Any]], Tally, list[str]]:
    """Rows, tally and faults of an archive read in stripes that begin at 0 and at `bounds`."""
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    tally, rows, faults = Tally(), [], []
    for start, stop in zip([0, *bounds], [*bounds, None], strict=True):
        try:
            for batch in read_part(FilePart(file, start, stop), tally):
                batch.validate(full=True)
                rows += batch.to_pylist()
        except FileFault as fault:
            faults.append(str(fault))
    return rows, tally, faults


def check(folder: Path, hostile: Hostile, draw: random.Random) -> None:
    path = folder / hostile.name
    path.write_bytes(hostile.content)
    rows, tally, faults = read(path, [])
    bounds = sorted(draw.sample(range(1, 20_000), 3))
    in_stripes, other_tally, _ = read(path, bounds)
    path.unlink()
    assert (in_stripes, other_tally) == (rows, tally), (hostile.name, bounds)
    assert tally.seen == len(rows) + tally.passed_over.total()
    numbers = [row["row"] for row in rows]
    assert numbers == sorted(set(numbers)) and all(number < tally.seen for number in numbers)
    found = Counter((row["url"], row["text"]) for row in rows if row["problem"] is None)
    for url, text in hostile.pages.items():
        if url not in hostile.may_be_lost:
            assert found[url, text] > 0, (hostile.name, url, rows, faults)
    assert tally.seen > 0 or faults
    assert all("\n" not in fault for fault in faults)


def check_many(folder: Path, seed: int, n: int) -> None:
    for index, hostile in enumerate(mutations(seed, n)):
        try:
            check(folder, hostile, random.Random(index))
        except Exception as error:
            raise AssertionError(f"seed {seed}, archive {index}, {hostile.name}") from error


def test_a_seed_gives_the_same_archives_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list(mutations(3, 40))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert list(mutations(3, 40)) == made != list(mutations(4, 40))


def test_a_hundred_hostile_archives(tmp_path: Path) -> None:
    check_many(tmp_path, 1, 105)


@pytest.mark.slow
def test_ten_thousand_hostile_archives(tmp_path: Path) -> None:
    check_many(tmp_path, 2, 10_000)


@pytest.mark.parametrize("kind", ["lines", "zeros", "a length that lies"])
def test_what_is_no_record_takes_no_memory(tmp_path: Path, kind: str) -> None:
    long = {"lines": b"no record\n" * 5_000_000, "zeros": b"\0" * 50_000_000, "a length that lies": record(b"x" * 50_000_000, length="999999999999")}
    (tmp_path / "a.warc").write_bytes(long[kind] + record(http(page(1))))
    tracemalloc.start()
    try:
        records = [(record.header is not None, len(record.block)) for record in read_records(str(tmp_path / "a.warc"))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert records[-1] == (True, len(http(page(1)))) and len(records) == 2
    assert peak < 12_000_000


def test_lengths_that_all_lie_cost_no_more_than_linear_time(tmp_path: Path) -> None:
    def seconds(n: int) -> float:
        path = tmp_path / f"{n}.warc"
        path.write_bytes(b"".join(record(http(page(index)), length=str(200_000_000)) for index in range(n)))
        began = time.process_time()
        assert sum(record.problem is None for record in read_records(str(path))) == n
        return time.process_time() - began

    assert seconds(8000) < 4 * max(seconds(4000), 0.05)
