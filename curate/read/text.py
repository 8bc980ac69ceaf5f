"""Files of running text: one document per file (plain text, Markdown with front matter, HTML) or per line."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from curate.extract.html import has_mark
from curate.extract.watched import watched_extractor
from curate.read.batch import TOO_LONG_RULE, BatchBuilder, metadata_json, too_long, utf8_problem
from curate.read.content.decompress import chunks
from curate.read.content.encodings import OtherEncodingError, other_encoding, unmarked_encoding, utf8_chunks
from curate.read.content.lines import MAX_RECORD_BYTES, TOO_LONG, line_blocks
from curate.read.part import FilePart
from shards.yaml_text import YamlError, load_yaml

# Front matter: YAML between lines of ---, TOML between lines of +++ or in a first ```toml block.
_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?P<yaml>.*?)^---|\+\+\+[ \t]*\n(?P<toml>.*?)^\+\+\+|```toml[ \t]*\n(?P<block>.*?)^```)[ \t]*(?:\n|\Z)", re.M | re.S
)


def read_text(part: FilePart) -> Iterator[pa.RecordBatch]:
    """The file as one document, its text unchanged. A file that is not UTF-8 is one unreadable record."""
    yield _document(part, lambda text: (text, {}))


def read_lines(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Each line of the file or stripe as one document; blank lines are skipped but count as rows."""
    builder = BatchBuilder()
    limit = part.file.input.max_document_bytes
    for block in line_blocks(utf8_chunks(part.file.path, part.file.input.encoding), part.start, part.stop, limit):
        for row, line in enumerate([None] if block.data is None else block.data.split(b"\n"), block.row):
            if line is None:
                builder.add_unreadable(row, too_long(limit), TOO_LONG_RULE)
            elif line.strip():
                _add_line(builder, row, line)
            if builder.full:
                yield builder.take()
    yield builder.take()


def read_markdown(part: FilePart) -> Iterator[pa.RecordBatch]:
    """The file as one document without its front matter, which becomes the metadata."""
    yield _document(part, front_matter)


def read_html(part: FilePart) -> Iterator[pa.RecordBatch]:
    """The page's main content as one document. Bytes invalid in a given encoding, and UTF-16 or UTF-32 without a mark, are one unreadable record."""
    builder = BatchBuilder()
    encoding = part.file.input.encoding
    page = _whole(chunks(part.file.path) if encoding is None else utf8_chunks(part.file.path, encoding), MAX_RECORD_BYTES)
    problem = TOO_LONG if page is None else _page_problem(page, encoding)
    if page is None or problem is not None:
        builder.add_unreadable(0, problem or "")
    else:
        extracted = watched_extractor(part.file.input.extract).extract(page, None if encoding is None else "utf-8")
        if extracted.rule is None:
            builder.add(0, extracted.text)
        else:
            builder.add_unreadable(0, extracted.problem or "", extracted.rule)
    yield builder.take()


def _page_problem(page: bytes, encoding: str | None) -> str | None:
    """Why the page cannot be decoded, else None; `page` is in UTF-8 if an encoding was given. Pages in ISO-2022 declare it themselves."""
    if encoding is None:
        other = unmarked_encoding(page) if b"\0" in page and not has_mark(page) else None
        return None if other is None else other_encoding(other)
    try:
        page.decode()
    except UnicodeDecodeError as error:
        return utf8_problem(error)
    return None


def front_matter(text: str) -> tuple[str, dict[str, Any]]:
    """Markdown → (text without front matter, metadata). Front matter that cannot be parsed is kept as `{"front_matter": raw}`."""
    match = _FRONT_MATTER.match(text.replace("\r\n", "\n") if "\r" in text[:1000] else text)
    if match is None:
        return text, {}
    try:
        parsed = load_yaml(match["yaml"]) if match["yaml"] is not None else tomllib.loads(match["toml"] or match["block"] or "")
    except (YamlError, tomllib.TOMLDecodeError, ValueError, RecursionError):
        parsed = match[match.lastgroup or 0]
    metadata = parsed if isinstance(parsed, dict) else {"front_matter": str(parsed)} if parsed else {}
    return match.string[match.end() :], {str(key): value for key, value in metadata.items()}


def _document(part: FilePart, split: Callable[[str], tuple[str, dict[str, Any]]]) -> pa.RecordBatch:
    builder = BatchBuilder()
    limit = part.file.input.max_document_bytes
    try:
        data = _whole(utf8_chunks(part.file.path, part.file.input.encoding), limit)
        if data is None:
            builder.add_unreadable(0, too_long(limit), TOO_LONG_RULE)
        else:
            text, metadata = split(data.decode())
            builder.add(0, text, str(metadata.get(part.file.input.url_column) or ""), metadata_json(metadata))
    except UnicodeDecodeError as error:
        builder.add_unreadable(0, utf8_problem(error))
    except OtherEncodingError as error:
        builder.add_unreadable(0, str(error))
    return builder.take()


def _whole(content: Iterator[bytes], limit: int) -> bytes | None:
    """All pieces joined; None if they exceed `limit` bytes."""
    pieces, n_bytes = [], 0
    for chunk in content:
        n_bytes += len(chunk)
        if n_bytes > limit:
            return None
        pieces.append(chunk)
    return b"".join(pieces)


def _add_line(builder: BatchBuilder, row: int, line: bytes) -> None:
    try:
        builder.add(row, line.removesuffix(b"\r").decode())
    except UnicodeDecodeError as error:
        builder.add_unreadable(row, utf8_problem(error))
