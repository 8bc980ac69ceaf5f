"""Web archives as crawlers write them: what a record holds decides what becomes of it, and every record becomes something."""

import gzip
import random
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
from backports import zstd

from curate.inspect.redecide import redecide
from curate.pipeline.run import run
from curate.pipeline.summary import print_summary
from curate.read.archive.content_type import kind_of_content
from curate.read.archive.records import read_records
from curate.read.batch import FileFault
from curate.read.content.decompress import chunks, decompressed_bytes
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import Part, Tally
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.hostile.warc import http, packed_by_record, page, raw_deflate, record, sentence, url_of

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
        for batch in read_part(Part(file), tally):
            rows += batch.to_pylist()
    except FileFault as error:
        fault = str(error)
    assert tally.seen == len(rows) + tally.passed_over.total()
    return rows, tally, fault


def outcome(tmp_path: Path, block: bytes, *fields: str, **changes: Any) -> str:
    """What becomes of page 1 in this block, between two sound records: its text, the reason why it was not read, or what it was counted as."""
    content = [record(http(page(0)), url=url_of(0)), record(block, *fields, **changes), record(http(page(2)), url=url_of(2))]
    told = set()
    for name, archive in (("a.warc", b"".join(content)), ("b.warc.gz", packed_by_record(content))):
        rows, tally, fault = read(tmp_path, archive, name)
        assert not fault and tally.seen == 3
        assert [rows[0]["text"], rows[-1]["text"]] == [sentence(0), sentence(2)]
        told.add(next(iter(tally.passed_over)) if tally.passed_over else rows[1]["problem"] or rows[1]["text"])
    (one,) = told
    return one


def in_chunks(body: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    return (
        b"".join(b"%x%b\r\n%b\r\n" % (len(body[at : at + 50]), extension, body[at : at + 50]) for at in range(0, len(body), 50)) + b"0\r\n" + trailer + b"\r\n"
    )


CODED = {
    "chunks": http(in_chunks(page(1)), HTML, CHUNKED),
    "chunk extensions and trailers": http(in_chunks(page(1), b" ; a=b;c", b"X-T: 1\r\n"), HTML, CHUNKED),
    "chunks without an end": http(in_chunks(page(1))[:-5], HTML, CHUNKED),
    "chunks that end in LF": http(in_chunks(page(1)).replace(b"\r\n", b"\n"), HTML, CHUNKED),
    "called chunked, is not": http(page(1), HTML, CHUNKED),
    "chunks of gzip": http(in_chunks(gzip.compress(page(1))), HTML, CHUNKED, "Content-Encoding: gzip"),
    "gzip as transfer coding": http(in_chunks(gzip.compress(page(1))), HTML, "Transfer-Encoding: gzip, chunked"),
    "two fields of transfer codings": http(in_chunks(gzip.compress(page(1))), HTML, "Transfer-Encoding: gzip", CHUNKED),
    "gzip": http(gzip.compress(page(1)), HTML, "Content-Encoding: gzip"),
    "gzip in members": http(gzip.compress(page(1)[:90]) + gzip.compress(page(1)[90:]), HTML, "Content-Encoding: GZIP"),
    "gzip with bytes behind": http(gzip.compress(page(1)) + b"\0junk", HTML, "Content-Encoding: gzip"),
    "x-gzip": http(gzip.compress(page(1)), HTML, "Content-Encoding: x-gzip"),
    "called gzip, is plain": http(page(1), HTML, "Content-Encoding: gzip"),
    "called gzip, is zlib": http(zlib.compress(page(1)), HTML, "Content-Encoding: gzip"),
    "called nothing, is gzip": http(gzip.compress(page(1)), HTML),
    "called nothing, is zlib": http(zlib.compress(page(1)), HTML),
    "called nothing, is zstd": http(zstd.compress(page(1)), HTML),
    "stray control characters": http(b"<!-- \x01\x02 -->" + page(1), HTML),
    "zlib": http(zlib.compress(page(1)), HTML, "Content-Encoding: deflate"),
    "raw deflate": http(raw_deflate(page(1)), HTML, "Content-Encoding: deflate"),
    "called deflate, is plain": http(page(1), HTML, "Content-Encoding: deflate"),
    "brotli": http(brotli.compress(page(1)), HTML, "Content-Encoding: br"),
    "called brotli, is plain": http(page(1), HTML, "Content-Encoding: br"),
    "zstd": http(zstd.compress(page(1)), HTML, "Content-Encoding: zstd"),
    "two codings": http(brotli.compress(gzip.compress(page(1))), HTML, "Content-Encoding: gzip, br"),
    "named twice, done once": http(gzip.compress(page(1)), HTML, "Content-Encoding: gzip", "Content-Encoding: gzip"),
    "none": http(page(1), HTML, "Content-Encoding: none"),
    "a charset": http(page(1), HTML, "Content-Encoding: utf-8"),
    "a charset, UTF-16": http(page(1).decode().encode("utf-16"), HTML, "Content-Encoding: utf-16"),
    "unknown, is plain": http(page(1), HTML, "Content-Encoding: sdch"),
    "length too short": http(page(1), HTML, "Content-Length: 9"),
    "length too long": http(page(1), HTML, "Content-Length: 99999"),
    "cut by the crawler": http(gzip.compress(page(1))[:-9], HTML, "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("name", CODED)
def test_a_body_is_read_in_whatever_coding_it_is(tmp_path: Path, name: str) -> None:
    fields = ["WARC-Truncated: length"] if name == "cut by the crawler" else []
    assert outcome(tmp_path, CODED[name], *fields) == sentence(1)


REFUSED = {
    "cut short": (http(gzip.compress(page(1))[:-30], HTML, "Content-Encoding: gzip"), "body is neither gzip nor plain text (it is cut short)"),
    "not Brotli": (http(b"\x01\x02" * 200, HTML, "Content-Encoding: br"), "body is neither br nor plain text ("),
    "called nothing, is Brotli": (http(brotli.compress(page(1) + NOISE), HTML), "body is called HTML, but it is neither text nor in a known coding"),
    "called nothing, is noise": (http(NOISE, HTML), "body is called HTML, but it is neither text nor in a known coding"),
    "unknown": (http(b"\x01\x02" * 200, HTML, "Content-Encoding: sdch"), "body is in sdch, which cannot be decoded"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_neither_coded_nor_plain_is_a_verdict_with_the_reason(tmp_path: Path, name: str) -> None:
    block, reason = REFUSED[name]
    assert outcome(tmp_path, block).startswith(reason)


HEADS = {
    "LF": http(page(1), HTML, end="\n"),
    "mixed line ends": b"HTTP/1.1 200 OK\nServer: a\r\nContent-Type: text/html\n\r\n" + page(1),
    "folded": http(page(1), "Content-Type:", " text/html;", "\tcharset=utf-8"),
    "lower case": http(page(1), "content-type:text/HTML"),
    "quoted charset": http(page(1).replace(b"Page", b"P\xe4ge"), 'Content-Type: text/html; charset="iso-8859-1"'),
    "no blank line": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + page(1),
    "a line that is no field": http(page(1), "this is no field", HTML),
    "HTTP/2": http(page(1), HTML, status="HTTP/2 200"),
    "ICY": http(page(1), HTML, status="ICY 200 OK"),
    "no reason": http(page(1), HTML, status="HTTP/1.1 200"),
    "no status line": http(page(1), HTML)[len("HTTP/1.1 200 OK\r\n") :],
    "no head": page(1),
    "no type": http(page(1), "Server: a"),
    "empty type": http(page(1), "Content-Type:"),
    "no type, coded": http(in_chunks(gzip.compress(page(1))), CHUNKED, "Content-Encoding: gzip"),
    "XHTML": http(b'<?xml version="1.0"?>\n<!DOCTYPE html>\n' + page(1), "Content-Type: application/xhtml+xml"),
    "continued": b"HTTP/1.1 100 Continue\r\n\r\n" + http(page(1), HTML),
    "type twice": http(page(1), HTML, "Content-Type: text/html; charset=utf-8"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_read_however_it_is_written(tmp_path: Path, name: str) -> None:
    assert outcome(tmp_path, HEADS[name]) == (sentence(1).replace("Page", "Päge") if name == "quoted charset" else sentence(1))


PASSED = {
    "image": http(b"\x89PNG\r\n", "Content-Type: image/png", CHUNKED),
    "pdf": http(b"%PDF-1.4", "Content-Type: application/pdf", "Content-Encoding: gzip"),
    "script": http(b"x", "Content-Type: application/x-javascript"),
    "style sheet": http(b"x", "Content-Type: text/css; charset=utf-8"),
    "json": http(b"{}", "Content-Type: application/ld+json"),
    "xml": http(b"<x/>", "Content-Type: application/rss+xml"),
    "plain text": http(b"words", "Content-Type: text/plain"),
    "redirect": http(page(1), HTML, status="HTTP/1.1 301 Moved Permanently"),
    "without a type": http(b"words", "Server: a"),
    "other type": http(b"x", "Content-Type: application/zip"),
}


@pytest.mark.parametrize("kind", PASSED)
def test_what_is_no_page_is_counted_by_kind_and_never_decoded(tmp_path: Path, kind: str) -> None:
    assert outcome(tmp_path, PASSED[kind]) == kind


def test_a_picture_that_is_called_html_is_a_picture(tmp_path: Path) -> None:
    assert outcome(tmp_path, http(b"\x89PNG\r\n\x1a\n" + b"x" * 99, HTML)) == "image"


@pytest.mark.parametrize("kind", ["warcinfo", "request", "metadata", "revisit", "continuation"])
def test_records_of_other_kinds_are_counted(tmp_path: Path, kind: str) -> None:
    assert outcome(tmp_path, b"anything", kind=kind) == kind


@pytest.mark.parametrize("fields", [["Content-Type: text/html"], ["Content-Type: text/html; charset=utf-8"], []])
def test_a_resource_that_is_html_is_read(tmp_path: Path, fields: list[str]) -> None:
    assert outcome(tmp_path, page(1), *fields, kind="resource") == sentence(1)
    assert outcome(tmp_path, b"\x89PNG", "Content-Type: image/png", kind="resource") == "image"


def test_a_conversion_is_its_text(tmp_path: Path) -> None:
    assert outcome(tmp_path, b"Words.\r\n\r\nMore.", "Content-Type: text/plain", kind="conversion") == "Words.\r\n\r\nMore."
    assert outcome(tmp_path, b"caf\xe9", kind="conversion") == "invalid UTF-8: byte 0xe9 at 3"


@pytest.mark.parametrize("kind", ["unheard", ""])
def test_an_unknown_type_of_record_is_unreadable_and_a_fault(tmp_path: Path, kind: str) -> None:
    rows, _, fault = read(tmp_path, record(http(page(0))) + record(b"x", kind=kind) + record(http(page(2))))
    assert [row["text"] for row in rows] == [sentence(0), None, sentence(2)]
    assert rows[1]["problem"] == f"record of the unknown type {kind!r}" and fault == f"records of unknown types: 1 ({kind or 'no type'})"


@pytest.mark.parametrize("content", [b"", b"\r\n", b"this is no archive\n" * 9, page(1), gzip.compress(b"no archive", mtime=0)])
def test_an_archive_without_a_record_is_a_fault(tmp_path: Path, content: bytes) -> None:
    assert "no WARC record found" in read(tmp_path, content)[2]


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


@pytest.mark.parametrize("length", ["0", "5", "380", "390", "700", "5000", "99999999999", "-1", "x", ""])
@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_wrong_length_costs_nothing_where_another_sign_tells_the_end(tmp_path: Path, length: str, is_gzip: bool) -> None:
    records = [record(http(page(number)), url=url_of(number), length=length if number == 1 else None) for number in range(4)]
    rows, _, _ = read(tmp_path, packed_by_record(records) if is_gzip else b"".join(records))
    assert [row["text"] for row in rows] == [sentence(number) for number in range(4)]


def test_a_damaged_member_costs_its_own_record_and_is_told(tmp_path: Path) -> None:
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


def test_what_a_library_raises_over_a_record_costs_this_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(body: bytes, kind: str) -> str:
        if sentence(1).encode() in body:
            raise ZeroDivisionError("a library's own")
        return kind_of_content(body, kind)

    monkeypatch.setattr("curate.read.archive.warc.kind_of_content", fail)
    assert outcome(tmp_path, http(page(1))) == "cannot be read (ZeroDivisionError: a library's own)"


def test_a_block_that_was_not_asked_for_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"".join(record(http(page(number))) for number in range(3)))
    positions = [one.position for one in read_records(str(tmp_path / "a.warc"))]
    assert [bool(one.block) for one in read_records(str(tmp_path / "a.warc"), positions[1])] == [False, True, True]


@pytest.mark.parametrize("is_packed_dictionary", [False, True])
@pytest.mark.parametrize("name", ["a.warc.zst", "b.warc"])
def test_an_archive_with_a_dictionary_in_its_first_frame_is_read(tmp_path: Path, is_packed_dictionary: bool, name: str) -> None:
    records = [record(http(page(number)), url=url_of(number)) for number in range(200)]
    dictionary = zstd.train_dict(records, 4000)
    raw = zstd.compress(dictionary.dict_content) if is_packed_dictionary else dictionary.dict_content
    members = [zstd.compress(one, zstd_dict=dictionary) for one in records]
    rows, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw + b"".join(members), name)
    assert not fault and [row["text"] for row in rows] == [sentence(number) for number in range(200)]
    if name.endswith(".zst"):
        path = str(tmp_path / "in" / name)
        assert b"".join(chunks(path)) == b"".join(records) and decompressed_bytes(path, 1) >= 1


def test_a_frame_that_holds_no_dictionary_is_passed_over_and_a_cut_dictionary_is_a_fault(tmp_path: Path) -> None:
    sound = zstd.compress(record(http(page(1)), url=url_of(1)))
    rows, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18\x04\0\0\0note" + sound, "a.warc.zst")
    assert not fault and [row["text"] for row in rows] == [sentence(1)]
    records = [record(http(page(number)), url=url_of(number)) for number in range(200)]
    dictionary = zstd.train_dict(records, 4000)
    raw = zstd.compress(dictionary.dict_content)[:-9]
    _, _, fault = read(tmp_path, b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw + zstd.compress(records[0], zstd_dict=dictionary), "b.warc.zst")
    assert "the compressed data is damaged" in fault


@pytest.mark.parametrize("n_zeros", [1, 500, 3_000_000])
def test_zeros_behind_the_last_record_are_padding_compressed_or_not(tmp_path: Path, n_zeros: int) -> None:
    records = [record(http(page(0)), url=url_of(0))]
    for name, content in (("a.warc", records[0]), ("b.warc.gz", packed_by_record(records))):
        rows, tally, fault = read(tmp_path, content + bytes(n_zeros), name)
        assert not fault and tally.seen == 1 and rows[0]["text"] == sentence(0)
    rows, _, fault = read(tmp_path, records[0] + bytes(n_zeros) + records[0], "c.warc")
    assert f"no record of a web archive begins here; {n_zeros:,} bytes were passed over" in fault and len(rows) == 3


def test_the_first_segment_of_a_record_is_not_taken_for_a_page(tmp_path: Path) -> None:
    whole = http(page(1))
    first = record(whole[:-40], "WARC-Segment-Number: 1", url=url_of(1))
    rest = record(whole[-40:], "WARC-Segment-Number: 2", kind="continuation", url=url_of(1))
    rows, tally, fault = read(tmp_path, first + rest)
    assert not fault and tally.passed_over == {"continuation": 1}
    assert rows[0]["text"] is None and rows[0]["problem"].startswith("segmented: ")


def archive(n: int) -> list[bytes]:
    """Pages with several statuses, and what is passed over."""
    records = [record(b"x", kind="warcinfo")]
    for number in range(n):
        status = {3: "HTTP/1.1 404 Not Found", 4: "HTTP/1.1 500 Oops", 5: "HTTP/1.1 302 Found"}.get(number, "HTTP/1.1 200 OK")
        records += [record(b"x", kind="request"), record(http(page(number), HTML, status=status), url=url_of(number))]
    return records


def recipe_for(folder: Path, **changes: Any) -> CurateRecipe:
    return CurateRecipe(name="crawl", inputs=(str(folder),), rules=(), language=None, **changes)  # type: ignore[arg-type]


def test_pages_of_errors_are_dropped_by_a_rule_that_a_key_changes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.warc.gz").write_bytes(packed_by_record(archive(7)))
    report = run(recipe_for(tmp_path / "in", keep_signals=("http_status",)), tmp_path / "out", 1).report
    verdicts = ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()
    assert [(one["row"], one["stage"], one["rule"], one["value"]) for one in verdicts] == [
        (8, "http", "http/status", 404.0),
        (10, "http", "http/status", 500.0),
    ]
    assert set(ShardSet(tmp_path / "out" / "documents").to_table()["http_status"].to_pylist()) == {200}
    assert {"stage": "http", "rule": "http/status", "documents": 2, "only": 2} in report["rules"]
    assert report["records"]["passed_over"] == {"request": 7, "redirect": 1, "warcinfo": 1}
    assert redecide(tmp_path / "out", (), ["keep_http_status=null"], None).newly_kept == 2
    assert redecide(tmp_path / "out", (), ["keep_http_status=[404]"], None).newly_dropped == 4
    assert run(recipe_for(tmp_path / "in", keep_http_status=(200, 404)), tmp_path / "out2", 1).report["counts"]["kept"] == 5


def test_every_record_is_accounted_for_under_damage_in_stripes_and_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    members = [gzip.compress(content) for content in archive(40)]
    members[20] = members[20][:-20]
    members.insert(50, gzip.compress(record(b"x", kind="unheard")))
    (folder / "a.warc.gz").write_bytes(b"".join(members))
    (folder / "b.jsonl").write_text('{"text": "one"}\nnot json\n\n{"text": "two"}\n')
    (folder / "c.csv").write_text("text,n\na,1\nb\nc,3\n")
    (folder / "d.txt").write_text("words")
    monkeypatch.setattr("curate.pipeline.run.cut_tasks", lambda files: cut_tasks(files, 2_000))
    monkeypatch.setattr("curate.read.tasks.STRIPES_PER_TASK", 2)
    outcome = run(recipe_for(folder), tmp_path / "out", 1)
    records, counts = outcome.report["records"], outcome.report["counts"]
    n_stripes = sum(path.name.startswith("documents-") for path in (tmp_path / "out" / "work").glob("measure-*/*"))
    assert n_stripes > 3
    assert records["seen"] == len(members) + 3 + 3 + 1
    assert records["seen"] == records["documents"] + records["unreadable"] + sum(records["passed_over"].values())
    assert records["documents"] + records["unreadable"] == counts["read"] and records["unreadable"] == counts["unreadable"] == 4
    assert print_summary(outcome, tmp_path / "out") == 1
    shown = capsys.readouterr().out
    assert f"{records['seen']} seen: {records['documents']} documents, 4 unreadable, {sum(records['passed_over'].values())} passed over (request 40, " in shown
