"""Reads the entries of list files."""

import re
from pathlib import Path

import pyarrow as pa

from curate.errors import CurateError
from curate.lists.recipe import UrlListKind

_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_HOST_RULE = re.compile(r"\|\|([^/^$*|,\s]+)\^(?:\$(.*))?")
_WHOLE_HOST = frozenset({"third-party", "3p", "popup", "document", "doc", "all", "important"})
_NOT_LETTERS = re.compile("[^a-zA-Z0-9]+")


def read_lines(path: str) -> list[str]:
    """Stripped, non-empty lines of a file, plain, .gz, .bz2 or .zst. Raises CurateError if it cannot be read."""
    try:
        with pa.input_stream(path, compression=_COMPRESSED.get(Path(path).suffix)) as stream:
            text = stream.read().decode(errors="replace")
    except OSError as error:
        raise CurateError(f"lists: cannot read {path} ({error})") from None
    return [line for line in (line.strip() for line in text.splitlines()) if line]


def url_entries(path: str, kind: UrlListKind) -> list[str]:
    """Distinct sorted entries of a list of addresses: hosts and words in lower case, addresses unchanged. Raises CurateError if there are none."""
    lines = [line for line in read_lines(path) if not line.startswith("#")]
    entries = {entry for line in lines for entry in [_ENTRY[kind](line)] if entry}
    if not entries:
        raise CurateError(f"lists.urls: {path} has no entries of kind {kind}; correct `kind`")
    return sorted(entries)


def _domain(line: str) -> str:
    host = line.split("#")[0].split()[-1].lower()
    return host.removeprefix("*.").strip(".")


def _url(line: str) -> str:
    return line


def _adblock(line: str) -> str:
    """The host of a rule that blocks a whole host, else "". Exceptions and rules limited to paths, sites or content types are ignored."""
    rule = _HOST_RULE.fullmatch(line)
    options = set(rule[2].split(",")) if rule and rule[2] else set()
    return rule[1].lower().strip(".") if rule and options <= _WHOLE_HOST else ""


def _word(line: str) -> str:
    return _NOT_LETTERS.sub("", line).lower()


_ENTRY = {"domains": _domain, "urls": _url, "adblock": _adblock, "hard_words": _word, "soft_words": _word, "subwords": _word}
