"""Web archives: HTML responses through main-content extraction, WET conversion records as plain text (ISO 28500)."""

from collections.abc import Iterator

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from curate.extract.recipe import ExtractRecipe
from curate.extract.watched import Extracted, watched_extractor
from curate.read.batch import BatchBuilder, FileFault, metadata_json, utf8_problem
from curate.read.lines import MAX_RECORD_BYTES, TOO_LONG
from curate.read.stream import ChunkReader
from curate.read.tasks import Part

_HTML = ("text/html", "application/xhtml+xml")


def read_warc(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the documents of an archive or stripe; `row` numbers all its records, so rows of requests and images are missing.

    A record that cannot be read becomes an unreadable one. Raises FileFault where the archive itself is broken.
    """
    builder = BatchBuilder()
    row, reader = -1, ChunkReader(part.file.path)
    try:
        # Compression is undone by ChunkReader, because FastWARC takes a gzip file that is cut short for one that ends.
        for row, record in enumerate(ArchiveIterator(reader, record_types=WarcRecordType.any_type, parse_http=False)):
            if part.stop is not None and record.stream_pos >= part.stop:
                break
            if record.stream_pos >= part.start:
                _add(builder, row, record, part.file.input.extract)
            if builder.full:
                yield builder.take()
    except (FileFault, OSError) as error:
        yield builder.take()
        position = reader.tell()
        if position == 0 or (part.start <= position and (part.stop is None or position < part.stop)):
            raise FileFault(f"{error} after record {row}" if row >= 0 else f"{error}: no WARC record found") from None
        return
    yield builder.take()


def _add(builder: BatchBuilder, row: int, record: WarcRecord, recipe: ExtractRecipe) -> None:
    is_response = record.record_type == WarcRecordType.response
    if not is_response and record.record_type != WarcRecordType.conversion:
        return
    try:
        if is_response:
            record.parse_http(auto_decode="all")
            if record.http_content_type not in _HTML:
                return
        expected = record.content_length
        body = record.reader.read(MAX_RECORD_BYTES + 1)
        if len(body) > MAX_RECORD_BYTES:
            return builder.add_unreadable(row, TOO_LONG)
        found = watched_extractor(recipe).extract(body, record.http_charset) if is_response else Extracted(body.decode())
    except UnicodeDecodeError as error:
        return builder.add_unreadable(row, utf8_problem(error))
    except FileFault:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        return builder.add_unreadable(row, f"broken record: {error}")
    if len(body) < expected and not _is_encoded(record):
        return builder.add_unreadable(row, f"record is cut short: {len(body)} of {expected} bytes")
    if found.rule is not None:
        return builder.add_unreadable(row, found.problem or "", found.rule)
    url = (record.headers.get("WARC-Target-URI") or "").strip("<>")
    date = record.headers.get("WARC-Date")
    return builder.add(row, found.text, url, metadata_json({"date": date} if date else {}))


def _is_encoded(record: WarcRecord) -> bool:
    """Whether the body's length on the wire differs from its own."""
    headers = record.http_headers
    return headers is not None and any(headers.get(name) for name in ("Content-Encoding", "Transfer-Encoding"))
