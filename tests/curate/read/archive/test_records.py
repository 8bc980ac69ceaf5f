from pathlib import Path

import pytest

from curate.read.archive.records import read_records
from tests.curate.read.archive.reading import read
from tests.hostile.warc import http, packed_by_record, page, record, sentence, url_of


@pytest.mark.parametrize("length", ["0", "5", "380", "390", "700", "5000", "99999999999", "-1", "x", ""])
@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_wrong_length_costs_nothing_if_another_sign_shows_the_end(tmp_path: Path, length: str, is_gzip: bool) -> None:
    records = [record(http(page(number)), url=url_of(number), length=length if number == 1 else None) for number in range(4)]
    rows, _, _ = read(tmp_path, packed_by_record(records) if is_gzip else b"".join(records))
    assert [row["text"] for row in rows] == [sentence(number) for number in range(4)]


def test_blocks_before_the_start_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"".join(record(http(page(number))) for number in range(3)))
    positions = [record_read.position for record_read in read_records(str(tmp_path / "a.warc"))]
    assert [bool(record_read.block) for record_read in read_records(str(tmp_path / "a.warc"), positions[1])] == [False, True, True]


@pytest.mark.parametrize("n_zeros", [1, 500, 3_000_000])
def test_zeros_after_the_last_record_are_padding_compressed_or_not(tmp_path: Path, n_zeros: int) -> None:
    records = [record(http(page(0)), url=url_of(0))]
    for name, content in (("a.warc", records[0]), ("b.warc.gz", packed_by_record(records))):
        rows, tally, fault = read(tmp_path, content + bytes(n_zeros), name)
        assert not fault and tally.seen == 1 and rows[0]["text"] == sentence(0)
    rows, _, fault = read(tmp_path, records[0] + bytes(n_zeros) + records[0], "c.warc")
    assert f"no record of a web archive begins here; {n_zeros:,} bytes were passed over" in fault and len(rows) == 3
