from pathlib import Path

import pytest

from tests.curate.read.archive.reading import CHUNKED, HTML, outcome
from tests.hostile.warc import http, page

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
def test_content_other_than_pages_is_counted_by_kind_and_never_decoded(tmp_path: Path, kind: str) -> None:
    assert outcome(tmp_path, PASSED[kind]) == kind


def test_an_image_labelled_html_is_an_image(tmp_path: Path) -> None:
    assert outcome(tmp_path, http(b"\x89PNG\r\n\x1a\n" + b"x" * 99, HTML)) == "image"
