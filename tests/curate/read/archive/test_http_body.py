import gzip
import zlib
from pathlib import Path

import brotli
import pytest
from backports import zstd

from tests.curate.read.archive.reading import CHUNKED, HTML, NOISE, in_chunks, outcome
from tests.hostile.warc import http, page, raw_deflate, sentence

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
def test_a_body_is_decoded_whatever_its_header_states(tmp_path: Path, name: str) -> None:
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
