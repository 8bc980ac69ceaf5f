"""Web archives: HTML responses and resources through main-content extraction, WET conversion records as plain text (ISO 28500, and ARC)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curate.errors import CurateError
from curate.extract.recipe import ExtractRecipe
from curate.extract.watched import Extracted, watched_extractor
from curate.read.archive.content_type import HTML, TEXT, UNTYPED, kind_of_content, kind_of_type
from curate.read.archive.http_body import BodyError, decode_body, is_binary
from curate.read.archive.http_message import Message, is_response, media_type, parse_response
from curate.read.archive.records import Record, read_records
from curate.read.archive.syntax import Header
from curate.read.batch import BatchBuilder, FileFault, metadata_json, utf8_problem
from curate.read.part import Part, Tally

_PASSED_KINDS = frozenset({"warcinfo", "request", "metadata", "revisit", "continuation"})
_PAGE_KINDS = frozenset({"response", "resource", "conversion"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN_KINDS = 3
_SHOWN_CHARS = 200


def read_warc(part: Part, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Batches of the documents of an archive or stripe; `row` numbers all its records, so rows of requests and images are missing.

    A record that cannot be read, and a stretch that holds none, become unreadable ones; all others are counted in `tally`. Raises FileFault at the
    end where the archive is damaged, holds records of unknown kinds, or none of a known one.
    """
    builder, faults = BatchBuilder(), _Faults()
    for row, record in enumerate(read_records(part.file.path, part.start)):
        if part.stop is not None and record.position >= part.stop:
            break
        faults.see(record)
        if record.position >= part.start:
            tally.seen += 1
            faults.note(row, record)
            _add_guarded(builder, row, record, part.file.input.extract, tally.passed_over)
        if builder.full:
            yield builder.take()
    else:
        faults.ended = True
    yield builder.take()
    faults.tell()


class _Faults:
    """What is wrong with the archive itself, in one line."""

    def __init__(self) -> None:
        self.ended = False
        self._any_known = False
        self._first_damage = ""
        self._n_damaged = 0
        self._unknown: Counter[str] = Counter()

    def see(self, record: Record) -> None:
        self._any_known = self._any_known or (record.header is not None and _is_known(record.header))

    def note(self, row: int, record: Record) -> None:
        if record.is_damaged:
            self._first_damage = self._first_damage or f"damaged at record {row}: {record.problem}"
            self._n_damaged += 1
        if record.header is not None and not _is_known(record.header):
            self._unknown[record.header.kind[:40]] += 1

    def tell(self) -> None:
        words = []
        if self.ended and not self._any_known:
            words.append("no WARC record found")
        if self._n_damaged:
            words.append(self._first_damage + (f", and at {self._n_damaged - 1:,} other places" if self._n_damaged > 1 else ""))
        if self._unknown:
            shown = ", ".join(kind or "no type" for kind in sorted(self._unknown)[:_SHOWN_KINDS])
            words.append(f"records of unknown types: {self._unknown.total():,} ({shown})")
        if words:
            raise FileFault("; ".join(words))


def _is_known(header: Header) -> bool:
    return header.kind in _PAGE_KINDS or header.kind in _PASSED_KINDS


def _add_guarded(builder: BatchBuilder, row: int, record: Record, recipe: ExtractRecipe, passed_over: Counter[str]) -> None:
    """Whatever a library raises over one record costs this record."""
    try:
        _add(builder, row, record, recipe, passed_over)
    except (CurateError, MemoryError):
        raise
    except Exception as error:
        builder.add_unreadable(row, f"cannot be read ({type(error).__name__}: {str(error)[:_SHOWN_CHARS]})")


def _add(builder: BatchBuilder, row: int, record: Record, recipe: ExtractRecipe, passed_over: Counter[str]) -> None:
    header = record.header
    if header is None or not _is_known(header):
        return builder.add_unreadable(row, record.problem or f"record of the unknown type {header.kind[:40] if header else ''!r}")
    if header.kind in _PASSED_KINDS:
        passed_over[header.kind] += 1
        return None
    message = _message(header, record.block)
    kind = _kind(message)
    if kind not in ((HTML, UNTYPED, TEXT) if header.kind == "conversion" else (HTML, UNTYPED)):
        passed_over[kind] += 1
        return None
    if record.problem is not None:
        return builder.add_unreadable(row, record.problem)
    if header.is_segment:
        return builder.add_unreadable(row, "segmented: this record holds the first part of a page alone, and the parts are not put together")
    return _add_page(builder, row, header, message, kind, recipe, passed_over)


def _add_page(builder: BatchBuilder, row: int, header: Header, message: Message, kind: str, recipe: ExtractRecipe, passed_over: Counter[str]) -> None:
    try:
        body = decode_body(message, header.truncated)
        if kind != TEXT:
            kind = kind_of_content(body, kind)
        if kind == HTML and is_binary(body):
            raise BodyError("body is called HTML, but it is neither text nor in a known coding")
        if kind == HTML:
            found = watched_extractor(recipe).extract(body, message.charset)
        elif header.kind == "conversion" and kind in (TEXT, UNTYPED):
            found = Extracted(body.decode())
        else:
            passed_over[kind] += 1
            return None
    except UnicodeDecodeError as error:
        return builder.add_unreadable(row, utf8_problem(error))
    except BodyError as error:
        return builder.add_unreadable(row, str(error))
    if found.rule is not None:
        return builder.add_unreadable(row, found.problem or "", found.rule)
    return builder.add(row, found.text, header.url, metadata_json(_metadata(header, message)))


def _message(header: Header, block: bytes) -> Message:
    """The response in a record. One that was stored without HTTP has the type that the record's own header states, and no status."""
    own = media_type(header.content_type)
    if header.kind == "conversion" or (own not in ("", "application/http") and not is_response(block)):
        return Message.without_head(header.content_type, block)
    if header.kind == "resource" and not is_response(block):
        return Message.without_head("", block)
    return parse_response(block)


def _kind(message: Message) -> str:
    return "redirect" if message.status in _REDIRECTS else kind_of_type(message.media_type)


def _metadata(header: Header, message: Message) -> dict[str, Any]:
    known = {"date": header.date or None, "http_status": message.status}
    return {name: value for name, value in known.items() if value is not None}
