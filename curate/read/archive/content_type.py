"""The kind of content in a record of a web archive: a page, or one of a few kinds that are passed over and counted."""

import re

HTML = "html"
TEXT = "plain text"
UNTYPED = "without a type"

_TYPES = {
    "text/html": HTML,
    "application/xhtml+xml": HTML,
    "application/vnd.wap.xhtml+xml": HTML,
    "text/plain": TEXT,
    "text/css": "style sheet",
    "text/dns": "dns",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "text/javascript": "script",
    "text/xml": "xml",
    "application/xml": "xml",
    "application/json": "json",
    "text/json": "json",
}
_ENDS = {"javascript": "script", "ecmascript": "script", "+xml": "xml", "+json": "json", "/json": "json"}
_FAMILIES = frozenset({"image", "audio", "video", "font"})
_NO_TYPES = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})
_BINARY = (
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP", re.S), "image"),
    (re.compile(rb"%PDF-"), "pdf"),
    (re.compile(rb"PK\x03\x04|\x7fELF|OggS|ID3|\x00\x00\x01\x00|wOF[F2]", re.S), "other type"),
)
_TAG = re.compile(rb"<(?:!doctype\s|!--|(?:html|head|body|title|meta|script|style|div|table|iframe|font|h1|br|p|a|b)[\s>/])", re.I)
_HTML_TAG = re.compile(rb"<(?:!doctype\s+html|html)[\s>]", re.I)
_SNIFFED_BYTES = 1024


def kind_of_type(media_type: str) -> str:
    """`HTML`, `TEXT`, `UNTYPED`, or the kind to count, for a media type in lower case."""
    if media_type in _NO_TYPES or "/" not in media_type:
        return UNTYPED
    if media_type in _TYPES:
        return _TYPES[media_type]
    family = media_type.partition("/")[0]
    if family in _FAMILIES:
        return family
    return next((kind for end, kind in _ENDS.items() if media_type.endswith(end)), "other type")


def kind_of_content(body: bytes, kind: str) -> str:
    """The kind by the first bytes if they contradict or complete the stated `kind`: binary data called HTML, HTML without a type.

    After the WHATWG's MIME Sniffing Standard, section 7. NULs are removed so that UTF-16 reads like ASCII.
    """
    head = body[:_SNIFFED_BYTES]
    for pattern, binary in _BINARY:
        if pattern.match(head):
            return binary
    if kind != UNTYPED:
        return kind
    text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"").lstrip()
    if _TAG.match(text) or (text.startswith(b"<?xml") and _HTML_TAG.search(text)):
        return HTML
    return UNTYPED
