"""Valid names in records: checked when a record is read, before any path is built or opened.

A record is data that may come from anywhere, and its names become paths. So a name is one path component of at most 255 bytes: letters and digits of
any script and `. _ + -`, the first a letter, digit or underscore. It contains no `/`, `\\`, `..`, space or control character.
"""

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from shards.errors import ShardError

_NAME = re.compile(r"\w[\w.+-]*")
_HIDDEN_NAME = re.compile(r"\.?\w[\w.+-]*")
_MOST_BYTES = 255
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)


def name_problem(name: str) -> str | None:
    """Why `name` is not a valid name of our files and folders, or None."""
    return _problem(name, _NAME)


def _problem(name: str, allowed: re.Pattern[str]) -> str | None:
    if not allowed.fullmatch(name):
        return "names are letters, digits and . _ + -, and begin with a letter, digit or _"
    if len(name.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        return f"names have at most {_MOST_BYTES} bytes"
    return None


def _checked_name(name: str) -> str:
    problem = name_problem(name)
    if problem:
        raise ValueError(problem)
    return name


def _checked_arrow_name(name: str) -> str:
    if not name.endswith(".arrow"):
        raise ValueError("names of data files end in .arrow")
    return _checked_name(name)


def _checked_path(path: str) -> str:
    for part in path.split("/"):
        problem = _problem(part, _HIDDEN_NAME)
        if problem:
            raise ValueError(problem)
    return path


FileName = Annotated[str, AfterValidator(_checked_name)]
"""A file or folder, directly in the folder of the record that names it."""

ArrowName = Annotated[str, AfterValidator(_checked_arrow_name)]
"""A data file of a shard set."""

InnerPath = Annotated[str, AfterValidator(_checked_path)]
"""A file below the record's folder: names separated by `/`, which may begin with a dot, as other libraries' do."""

Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""xxh3-128, 32 hexadecimal digits."""

Count = Annotated[int, Field(ge=0, le=1 << 53)]
"""A number of rows, bytes, tokens, …"""


def url_parts(url: str) -> list[str]:
    """Protocol and path components of a URL, each valid as a folder name in a cache. Raises ShardError if one is not."""
    protocol, _, rest = url.partition("://")
    parts = rest.strip("/").split("/")
    if not _PROTOCOL.fullmatch(protocol) or "::" in rest:
        raise ShardError(f"{url}: not a plain address; write protocol://host/folder, such as s3://bucket/folder")
    for part in parts:
        if not _is_plain(part):
            raise ShardError(f"{url}: an address that is cached cannot contain {part!r}; write the address without it")
    return [protocol.lower(), *parts]


def _is_plain(part: str) -> bool:
    """Whether a component of a URL is also a path component, however often it is percent-decoded."""
    while True:
        if part in ("", ".", "..") or _UNSAFE.search(part) or len(part.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
            return False
        decoded = unquote(part)
        if decoded == part:
            return True
        part = decoded
