"""What readers yield and raise: record batches of raw documents, and faults of whole files."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curate.errors import CurateError

RAW = pa.schema(
    [
        ("text", pa.large_string()),  # null where the record has none
        ("url", pa.string()),
        ("metadata", pa.string()),  # a JSON object; "" if there is none
        ("row", pa.int64()),  # number of the record in its file, from 0
        ("problem", pa.string()),  # why the record is unreadable; null if it is readable
        ("rule", pa.string()),  # rule of its verdict, `read/…` or `extract/…`; null if it is readable
    ]
)

UNREADABLE = "read/unreadable"
TOO_LONG_RULE = "read/too_long"
NOT_UTF8 = "invalid UTF-8"
BATCH_ROWS = 16_384
BATCH_BYTES = 8 << 20


class FileFault(CurateError):
    """A file that cannot be read to its end. Records read before are kept, and the run continues with other files."""


class BatchBuilder:
    """Collects records one by one into batches of at most `BATCH_ROWS` rows or about `BATCH_BYTES`."""

    def __init__(self) -> None:
        self._clear()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def full(self) -> bool:
        """Whether the batch has reached a limit and must be taken."""
        return len(self._rows) >= BATCH_ROWS or self._n_bytes >= BATCH_BYTES

    def add(self, row: int, text: str | None, url: str = "", metadata: str = "") -> None:
        """Add a document; `metadata` is a JSON object or ""."""
        self._append(row, text, url, metadata, None, None)
        self._n_bytes += len(text or "")

    def add_unreadable(self, row: int, problem: str, rule: str = UNREADABLE) -> None:
        """Add an unreadable record with the reason."""
        self._append(row, None, "", "", problem, rule)

    def take(self) -> pa.RecordBatch:
        """Return the collected records as a batch and empty the builder."""
        columns = [self._texts, self._urls, self._metadata, self._rows, self._problems, self._rules]
        try:
            batch = pa.record_batch(columns, schema=RAW)
        except UnicodeEncodeError:
            self._reject_surrogates()
            batch = pa.record_batch(columns, schema=RAW)
        self._clear()
        return batch

    def _append(self, row: int, text: str | None, url: str, metadata: str, problem: str | None, rule: str | None) -> None:
        self._texts.append(text)
        self._urls.append(url)
        self._metadata.append(metadata)
        self._rows.append(row)
        self._problems.append(problem)
        self._rules.append(rule)

    def _reject_surrogates(self) -> None:
        """JSON may contain half of a surrogate pair, which UTF-8 cannot encode."""
        for index, text in enumerate(self._texts):
            if text is not None and not _is_utf8(text):
                self._texts[index], self._problems[index], self._rules[index] = None, "text holds an unpaired surrogate (\\ud800–\\udfff)", UNREADABLE
            if not _is_utf8(self._urls[index]):
                self._urls[index] = ""

    def _clear(self) -> None:
        self._texts: list[str | None] = []
        self._urls: list[str] = []
        self._metadata: list[str] = []
        self._rows: list[int] = []
        self._problems: list[str | None] = []
        self._rules: list[str | None] = []
        self._n_bytes = 0


def metadata_json(values: Mapping[str, Any]) -> str:
    """Metadata as stored: a JSON object in ASCII, "" if empty. Dates become ISO 8601 text."""
    return json.dumps(values, default=str, separators=(",", ":")) if values else ""


def too_long(limit: int, n_bytes: int | None = None) -> str:
    """The problem of a document longer than `limit` bytes; `n_bytes` is its size if known."""
    return f"{'' if n_bytes is None else f'{n_bytes:,} bytes, '}longer than max_document_bytes of its input: {limit:,}"


def utf8_problem(error: UnicodeDecodeError) -> str:
    """The problem of bytes that are not UTF-8: the first invalid byte and its position in the file or line."""
    return f"{NOT_UTF8}: byte 0x{error.object[error.start]:02x} at {error.start}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
