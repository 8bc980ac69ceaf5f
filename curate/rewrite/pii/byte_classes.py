"""Shared by the parts of the scan: the kinds it finds, classes of bytes, and the output arrays."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.kernel import inlined

EMAIL, IP, IBAN, CARD, SSN, PHONE = range(6)
SCANNED = ("email", "ip", "iban", "card", "ssn", "phone")
"""Names of the kinds that the scan finds, by these numbers."""
ALNUM, HEX, LOCAL, DOMAIN, LETTER = 1, 2, 4, 8, 16
"""Classes of bytes: ASCII letters and digits, hexadecimal digits, bytes of local parts and of domains of mail addresses, ASCII letters."""


class Candidates(NamedTuple):
    """Candidates, (n,) each: `doc` int64, `start`, `end` int64 byte positions in the buffer, `kind` uint8."""

    doc: np.ndarray
    start: np.ndarray
    end: np.ndarray
    kind: np.ndarray


def _classes() -> np.ndarray:
    """Classes of all bytes. Two-byte letters from U+00C0 on (Latin, Greek, Cyrillic) may occur in addresses; other non-ASCII characters end them."""
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        char = chr(byte)
        letter = byte < 128 and char.isalpha()
        alnum = byte < 128 and char.isalnum()
        wide = 0xC3 <= byte <= 0xD4 or 0x80 <= byte < 0xC0
        table[byte] = (
            (ALNUM if alnum else 0)
            | (HEX if byte < 128 and char in "0123456789abcdefABCDEF" else 0)
            | (LOCAL if alnum or wide or char in "._%+&'~-" else 0)
            | (DOMAIN if alnum or wide or char in ".-" else 0)
            | (LETTER if letter else 0)
        )
    return table


CLASSES = _classes()
"""Classes of each byte, (256,) uint8."""


def byte_spans(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Convert spans of characters to spans of UTF-8 bytes, in time linear in the text."""
    if text.isascii() or not spans:
        return spans
    positions = np.append(np.flatnonzero(np.frombuffer(text.encode(), np.uint8) & 0xC0 != 0x80), len(text.encode()))
    return [(start, end) for start, end in positions[np.array(spans)].tolist()]


@inlined
def put(out: Any, n: int, doc: int, start: int, end: int, kind: int) -> Any:
    """Append a candidate; if `out` is full it is only counted. Returns the new count."""
    if n < len(out.doc):
        out.doc[n], out.start[n], out.end[n], out.kind[n] = doc, start, end, kind
    return n + 1


@inlined
def has_class(classes: Any, utf8: Any, first: int, at: int, stop: int, flag: int) -> Any:
    """Whether position `at` lies in the document and its byte has this class."""
    return first <= at < stop and classes[utf8[at]] & flag != 0


@inlined
def is_digit(byte: Any) -> Any:
    """Whether a byte is one of the digits 0–9."""
    return 48 <= byte < 58
