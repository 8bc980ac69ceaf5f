from pathlib import Path

import pytest
from backports import zstd

from tests.curate.read.archive.reading import HTML, read
from tests.hostile.warc import http, packed_by_record, page, sentence, url_of


@pytest.mark.parametrize("name", ["a.warc", "b.warc.gz", "c.warc.zst"])
@pytest.mark.parametrize("version", [1, 2])
def test_arc_files_are_read(tmp_path: Path, name: str, version: int) -> None:
    more = "" if version == 1 else " 200 - - 0 a.arc"
    head = f"{version} 0 Crawler\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [f"filedesc://a.arc 0.0.0.0 20080101000000 text/plain{more} {len(head)}\n{head}\n".encode()]
    for number in range(3):
        block = http(page(number), HTML)
        records.append(f"{url_of(number)} 10.0.0.1 20080430204825 text/html{more} {len(block)}\n".encode() + block + b"\n")
    packed = {".warc": b"".join, ".gz": packed_by_record, ".zst": lambda every: b"".join(map(zstd.compress, every))}
    rows, tally, fault = read(tmp_path, packed[Path(name).suffix](records), name)
    assert [(row["url"], row["text"]) for row in rows] == [(url_of(number), sentence(number)) for number in range(3)] and not fault
    assert rows[0]["metadata"] == '{"date":"2008-04-30T20:48:25Z","http_status":200}' and dict(tally.passed_over) == {"warcinfo": 1}
