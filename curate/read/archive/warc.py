"""Web archives (ISO 28500, and ARC): extracts the main content of HTML responses and resources; WET conversion records are plain text."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curate.errors import CurateError
from curate.extract.recipe import ExtractRecipe
from curate.extract.watched import Extracted, watched_extractor
from curate.read.archive.content_type import HTML, TEXT, UNTYPED, kind_of_content, kind_of_type
from curate.read.archive.headers import Header
from curate.read.archive.http_body import BodyError, decode_body, is_binary
from curate.read.archive.http_message import Message, is_response, media_type, parse_response
from curate.read.archive.records import Record, read_records
from curate.read.batch import BatchBuilder, FileFault, metadata_json, utf8_problem
from curate.read.part import FilePart, Tally

_PASSED_KINDS = frozenset({"warcinfo", "request", "metadata", "revisit", "continuation"})
_PAGE_KINDS = frozenset({"response", "resource", "conversion"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN_KINDS = 3
_SHOWN_CHARS = 200


def read_warc(part: FilePart, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Raw documents of an archive or stripe. `row` counts all records, so the rows of requests, images and the like are missing.

    A record that cannot be read, and a stretch without records, become unreadable records; records that are not documents are counted in `tally`. Raises
    FileFault at the end if the archive is damaged, or holds records of unknown types or none of a known type.
    """
    builder, faults = BatchBuilder(), _Faults()
    for row, record in enumerate(read_records(part.file.path, part.start)):
        if part.stop is not None and record.position >= part.stop:
            break
        faults.check_type(record)
        if record.position >= part.start:
            tally.seen += 1
            faults.note(row, record)
            _add_guarded(builder, row, record, part.file.input.extract, tally.passed_over)
        if builder.full:
            yield builder.take()
    else:
        faults.ended = True
    yield builder.take()
    faults.raise_any()


class _Faults:
    """Collects what is wrong with the archive itself, for one message."""

    def __init__(self) -> None:
        self.ended = False
        self._any_known = False
        self._first_damage = ""
        self._n_damaged = 0
        self._unknown: Counter[str] = Counter()

    def check_type(self, record: Record) -> None:
        self._any_known = self._any_known or (record.header is not None and _is_known(record.header))

    def note(self, row: int, record: Record) -> None:
        if record.is_damaged:
            self._first_damage = self._first_damage or f"damaged at record {row}: {record.problem}"
            self._n_damaged += 1
        if record.header is not None and not _is_known(record.header):
            self._unknown[record.header.kind[:40]] += 1

    def raise_any(self) -> None:
        problems = []
        if self.ended and not self._any_known:
            problems.append("no WARC record found")
        if self._n_damaged:
            problems.append(self._first_damage + (f", and at {self._n_damaged - 1:,} other places" if self._n_damaged > 1 else ""))
        if self._unknown:
            kinds = ", ".join(kind or "no type" for kind in sorted(self._unknown)[:_SHOWN_KINDS])
            problems.append(f"records of unknown types: {self._unknown.total():,} ({kinds})")
        if problems:
            raise FileFault("; ".join(problems))


def _is_known(header: Header) -> bool:
    return header.kind in _PAGE_KINDS or header.kind in _PASSED_KINDS


def _add_guarded(builder: BatchBuilder, row: int, record: Record, recipe: ExtractRecipe, passed_over: Counter[str]) -> None:
    """Any exception that a library raises for a record makes only this record unreadable."""
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
            extracted = watched_extractor(recipe).extract(body, message.charset)
        elif header.kind == "conversion" and kind in (TEXT, UNTYPED):
            extracted = Extracted(body.decode())
        else:
            passed_over[kind] += 1
            return None
    except UnicodeDecodeError as error:
        return builder.add_unreadable(row, utf8_problem(error))
    except BodyError as error:
        return builder.add_unreadable(row, str(error))
    if extracted.rule is not None:
        return builder.add_unreadable(row, extracted.problem or "", extracted.rule)
    return builder.add(row, extracted.text, header.url, metadata_json(_metadata(header, message)))


def _message(header: Header, block: bytes) -> Message:
    """The response in a record. Content stored without HTTP has the type stated by the record's header, and no status."""
    stated = media_type(header.content_type)
    if header.kind == "conversion" or (stated not in ("", "application/http") and not is_response(block)):
        return Message.without_head(header.content_type, block)
    if header.kind == "resource" and not is_response(block):
        return Message.without_head("", block)
    return parse_response(block)


def _kind(message: Message) -> str:
    return "redirect" if message.status in _REDIRECTS else kind_of_type(message.media_type)


def _metadata(header: Header, message: Message) -> dict[str, Any]:
    values = {"date": header.date or None, "http_status": message.status}
    return {name: value for name, value in values.items() if value is not None}
