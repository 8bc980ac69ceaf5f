"""Kinds of personal data, classes of bytes, and where finds are noted: what the parts of the scan share."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.kernel import inlined

EMAIL, IP, IBAN, CARD, KEY, SSN, PHONE, NAME = range(8)
"""Kinds, in the order in which they win where finds overlap."""
KINDS = ("email", "ip", "iban", "card", "key", "ssn", "phone", "name")
ALNUM, HEX, LOCAL, DOMAIN, LETTER = 1, 2, 4, 8, 16
"""Classes of bytes: ASCII letters and digits, hexadecimal digits, what local parts and domains of mail addresses hold, ASCII letters."""


class Candidates(NamedTuple):
    """Finds in order of kind within each place; all (n,): `doc` int64, `start`, `end` int64 byte positions in the buffer, `kind` uint8."""

    doc: np.ndarray
    start: np.ndarray
    end: np.ndarray
    kind: np.ndarray


def _classes() -> np.ndarray:
    """Classes of bytes. Letters of two bytes from U+00C0 (Latin, Greek, Cyrillic) may stand in addresses; others end them."""
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
    """Spans of characters as spans of the text's UTF-8 bytes, in time linear in the text."""
    if text.isascii() or not spans:
        return spans
    places = np.append(np.flatnonzero(np.frombuffer(text.encode(), np.uint8) & 0xC0 != 0x80), len(text.encode()))
    return [(start, end) for start, end in places[np.array(spans)].tolist()]


@inlined
def put(out: Any, n: int, doc: int, start: int, end: int, kind: int) -> Any:
    """Note a find; where there is no room it is only counted. Returns the new count."""
    if n < len(out.doc):
        out.doc[n], out.start[n], out.end[n], out.kind[n] = doc, start, end, kind
    return n + 1


@inlined
def has_class(classes: Any, utf8: Any, first: int, at: int, stop: int, flag: int) -> Any:
    """Whether there is a byte at this place of the document, of this class."""
    return first <= at < stop and classes[utf8[at]] & flag != 0


@inlined
def is_digit(byte: Any) -> Any:
    """Whether a byte is one of 0–9."""
    return 48 <= byte < 58
