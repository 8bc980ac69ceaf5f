"""Files that are one document each: plain text, Markdown with front matter, HTML."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import yaml

from curate.extract.html import html_text
from curate.read.batch import BatchBuilder, metadata_json, utf8_problem
from curate.read.stream import chunks
from curate.read.tasks import Part

# Front matter: YAML between lines of ---, TOML between lines of +++ or in a first ```toml block.
_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?P<yaml>.*?)^---|\+\+\+[ \t]*\n(?P<toml>.*?)^\+\+\+|```toml[ \t]*\n(?P<block>.*?)^```)[ \t]*(?:\n|\Z)", re.M | re.S
)
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(part: Part) -> Iterator[pa.RecordBatch]:
    """The file as one document, its text as it stands. Not UTF-8: one unreadable record."""
    yield _one(part, lambda text: (text, {}))


def read_markdown(part: Part) -> Iterator[pa.RecordBatch]:
    """The file as one document without its front matter, which becomes the metadata."""
    yield _one(part, front_matter)


def read_html(part: Part) -> Iterator[pa.RecordBatch]:
    """The file's main content as one document."""
    builder = BatchBuilder()
    builder.add(0, html_text(b"".join(chunks(part.file.path))))
    yield builder.take()


def front_matter(text: str) -> tuple[str, dict[str, Any]]:
    """Markdown → text without front matter, metadata. Front matter that cannot be parsed is kept as `{"front_matter": raw}`."""
    match = _FRONT_MATTER.match(text.replace("\r\n", "\n") if "\r" in text[:1000] else text)
    if match is None:
        return text, {}
    try:
        parsed = yaml.load(match["yaml"], _YAML) if match["yaml"] is not None else tomllib.loads(match["toml"] or match["block"] or "")
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError):
        parsed = match[match.lastgroup or 0]
    metadata = parsed if isinstance(parsed, dict) else {"front_matter": str(parsed)} if parsed else {}
    return match.string[match.end() :], {str(key): value for key, value in metadata.items()}


def _one(part: Part, split: Callable[[str], tuple[str, dict[str, Any]]]) -> pa.RecordBatch:
    builder = BatchBuilder()
    try:
        text, metadata = split(b"".join(chunks(part.file.path)).decode("utf-8-sig"))
        builder.add(0, text, str(metadata.get(part.file.input.url_column) or ""), metadata_json(metadata))
    except UnicodeDecodeError as error:
        builder.add_unreadable(0, utf8_problem(error))
    return builder.take()
