"""Web archives as crawlers write them: what a record holds decides what becomes of it, and every record becomes something."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from curate.inspect.redecide import redecide
from curate.pipeline.run import run
from curate.pipeline.summary import print_summary
from curate.read.archive.content_type import kind_of_content
from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import document, html, warc
from tests.curate.read.archive.reading import HTML, outcome, read
from tests.curate.read.inputs import one_file, raw
from tests.hostile.warc import http, packed_by_record, page, record, sentence, url_of


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


def test_an_exception_of_a_library_costs_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(body: bytes, kind: str) -> str:
        if sentence(1).encode() in body:
            raise ZeroDivisionError("a library's own")
        return kind_of_content(body, kind)

    monkeypatch.setattr("curate.read.archive.warc.kind_of_content", fail)
    assert outcome(tmp_path, http(page(1))) == "cannot be read (ZeroDivisionError: a library's own)"


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
    assert [(row["row"], row["stage"], row["rule"], row["value"]) for row in verdicts] == [
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


def test_a_record_cut_off_at_the_end_of_an_archive_is_unreadable_and_a_fault(tmp_path: Path) -> None:
    archive = gzip.decompress(warc([("response", "http://a", html(document(1))), ("response", "http://b", html(document(2)))]))
    (file,), _ = list_files((InputRecipe(path=str(one_file(tmp_path, "a.warc", archive[:-600]))),))
    records = []
    with pytest.raises(FileFault, match="damaged at record 1: record is cut short"):
        for batch in read_part(FilePart(file)):
            records += batch.to_pylist()
    assert [record["problem"] is None for record in records] == [True, False]
    assert "cut short" in str(records[1]["problem"])


def test_a_truncated_archive_keeps_its_whole_records_and_is_a_fault(tmp_path: Path) -> None:
    archive = warc([("response", f"http://{index}", html(document(index))) for index in range(5)])
    path = one_file(tmp_path, "a.warc.gz", archive[:-200])
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    batches = []
    with pytest.raises(FileFault, match="cut short"):
        for batch in read_part(FilePart(file)):
            batches.append(batch)
    problems = [problem for batch in batches for problem in batch["problem"].to_pylist()]
    assert problems[:4] == [None] * 4 and "cut short" in problems[4] and len(problems) == 5


def test_a_file_that_is_not_an_archive_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="no WARC record found"):
        raw(one_file(tmp_path, "a.warc", b"this is not an archive\n" * 50))


def test_stripes_of_an_archive_are_the_archive(tmp_path: Path) -> None:
    archive = warc([("response" if index % 3 else "request", f"http://{index}", html(document(index))) for index in range(12)])
    for name, data in (("a.warc.gz", archive), ("b.warc", gzip.decompress(archive))):
        (tmp_path / name).write_bytes(data)
        (file,), _ = list_files((InputRecipe(path=str(tmp_path / name)),))
        bounds = [0, 1, 3000, 3001, 9000, 10**6]
        parts = [FilePart(file, start, stop) for start, stop in zip(bounds, [*bounds[1:], None], strict=True)]
        rows = [row for part in parts for batch in read_part(part) for row in batch.to_pylist()]
        assert [row["row"] for row in rows] == [index for index in range(12) if index % 3]
        assert [row["url"] for row in rows] == [f"http://{index}" for index in range(12) if index % 3]
        assert all(row["text"].startswith(document(row["row"])[:40]) for row in rows)
