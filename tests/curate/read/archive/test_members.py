import gzip
from pathlib import Path

import pytest
from backports import zstd

from curate.read.content.decompress import chunks, decompressed_bytes
from tests.curate.read.archive.reading import read
from tests.hostile.warc import http, page, record, sentence, url_of


def test_a_damaged_member_costs_its_own_record_and_is_reported(tmp_path: Path) -> None:
    members = [gzip.compress(record(http(page(number)), url=url_of(number))) for number in range(5)]
    for damaged in (
        b"",
        members[2][:-40],
        members[2][:60] + b"\xff\xff\xff" + members[2][63:],
        b"\0\0" + members[2][2:],
        members[2][:-8] + b"wrong" + members[2][-3:],
    ):
        rows, tally, fault = read(tmp_path, b"".join([*members[:2], damaged, *members[3:]]), "a.warc.gz")
        assert [row["text"] for row in rows if row["text"]] == [sentence(number) for number in (0, 1, 3, 4)]
        assert tally.seen == (5 if damaged else 4) and ("damaged at record 2" in fault) == bool(damaged)


@pytest.mark.parametrize("is_packed_dictionary", [False, True])
@pytest.mark.parametrize("name", ["a.warc.zst", "b.warc"])
def test_an_archive_with_a_dictionary_in_its_first_frame_is_read(tmp_path: Path, is_packed_dictionary: bool, name: str) -> None:
    records = [record(http(page(number)), url=url_of(number)) for number in range(200)]
    dictionary = zstd.train_dict(records, 4000)
    raw = zstd.compress(dictionary.dict_content) if is_packed_dictionary else dictionary.dict_content
    members = [zstd.compress(content, zstd_dict=dictionary) for content in records]
    rows, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw + b"".join(members), name)
    assert not fault and [row["text"] for row in rows] == [sentence(number) for number in range(200)]
    if name.endswith(".zst"):
        path = str(tmp_path / "in" / name)
        assert b"".join(chunks(path)) == b"".join(records) and decompressed_bytes(path, 1) >= 1


def test_a_frame_without_a_dictionary_is_skipped_and_a_truncated_dictionary_is_a_fault(tmp_path: Path) -> None:
    sound = zstd.compress(record(http(page(1)), url=url_of(1)))
    rows, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18\x04\0\0\0note" + sound, "a.warc.zst")
    assert not fault and [row["text"] for row in rows] == [sentence(1)]
    records = [record(http(page(number)), url=url_of(number)) for number in range(200)]
    dictionary = zstd.train_dict(records, 4000)
    raw = zstd.compress(dictionary.dict_content)[:-9]
    _, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw + zstd.compress(records[0], zstd_dict=dictionary), "b.warc.zst")
    assert "the compressed data is damaged" in fault
