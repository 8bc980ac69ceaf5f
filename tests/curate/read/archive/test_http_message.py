import gzip
from pathlib import Path

import pytest

from tests.curate.read.archive.reading import CHUNKED, HTML, in_chunks, outcome
from tests.hostile.warc import http, page, sentence

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
def test_a_head_is_read_in_every_form_that_crawls_contain(tmp_path: Path, name: str) -> None:
    assert outcome(tmp_path, HEADS[name]) == (sentence(1).replace("Page", "Päge") if name == "quoted charset" else sentence(1))
