"""Personal data in text: found, counted, and replaced by placeholders.

What counts, by kind:
- `email`: an addr-spec in ASCII, Latin, Greek or Cyrillic letters whose domain ends in a top-level domain of the Public Suffix List.
- `ip`: IPv4 in four decimal numbers, IPv6; public ones only, unless asked; not the numbers of sections and versions.
- `iban`, `card`: with valid check digits, length and country or issuer. `ssn`: a US number in its written form, by the rules of its issuer.
- `phone`: see `curate.rewrite.pii.checks.is_phone`. `key`: see `curate.rewrite.pii.keys`. `name`: what a given model says.

Where finds overlap, the kind first in KINDS wins, then the one that starts first. Values never leave this module: reports see kinds and counts.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.kernel import inlined, kernel
from curate.rewrite.pii.byte_classes import IP, KEY, KINDS, NAME, PHONE
from curate.rewrite.pii.checks import extension, is_ip, is_numbering, is_phone
from curate.rewrite.pii.keys import find_keys
from curate.rewrite.pii.scan import scan

PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "email": ("<EMAIL>",),
    "ip": ("<IP_ADDRESS>",),
    "iban": ("<IBAN>",),
    "card": ("<CREDIT_CARD>",),
    "key": ("<KEY>",),
    "ssn": ("<US_SSN>",),
    "phone": ("<PHONE>",),
    "name": ("<NAME>",),
}
"""What stands in place of a find; with several, a document's finds take them in turn."""
DATATROVE_PLACEHOLDERS: dict[str, tuple[str, ...]] = PLACEHOLDERS | {
    "email": ("email@example.com", "firstname.lastname@example.org"),
    "ip": ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168"),
}
"""datatrove's (pipeline/formatters/pii.py), which FineWeb's text has; there the turn goes on from document to document."""

_BEFORE_BYTES, _AFTER_BYTES = 48, 24
NameFinder = Callable[[pa.Array], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Texts to document, start, end, (n,) int64 each: byte positions within the text."""


class Pii(NamedTuple):
    """Finds that don't overlap, ordered by document and place: `doc` int64, `start`, `end` int64 bytes within the text, `kind` uint8 (in KINDS)."""

    doc: np.ndarray
    start: np.ndarray
    end: np.ndarray
    kind: np.ndarray


def find_pii(
    texts: pa.Array,
    kinds: Sequence[str] = ("email", "ip", "iban", "card", "key", "phone"),
    *,
    regions: tuple[str, ...] = ("US",),
    public_ips_only: bool = True,
    names: NameFinder | None = None,
) -> Pii:
    """Personal data of `kinds` in `texts`, a string or large_string array. `regions`: ISO 3166 codes whose national telephone numbers count."""
    utf8, offsets = (frozen(array) for array in text_buffers(texts))
    wanted = np.array([kind in kinds for kind in KINDS])
    found = scan(utf8, offsets)
    found = type(found)(*(column[wanted[found.kind]] for column in found))
    keep = np.ones(len(found.doc), bool)
    for i in np.flatnonzero((found.kind == PHONE) | (found.kind == IP)):
        keep[i], found.end[i] = _holds(utf8, offsets, found, i, regions, public_ips_only)
    parts: list[tuple[Any, ...]] = [
        (found.doc[keep], found.start[keep] - offsets[found.doc[keep]], found.end[keep] - offsets[found.doc[keep]], found.kind[keep])
    ]
    if wanted[KEY]:
        parts.append(_of_kind(find_keys(texts), KEY))
    if wanted[NAME] and names is not None:
        parts.append(_of_kind(names(texts), NAME))
    return _without_overlaps(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _of_kind(spans: Sequence[np.ndarray], kind: int) -> tuple[Any, ...]:
    return (*spans, np.full(len(spans[0]), kind, np.uint8))


def _holds(utf8: np.ndarray, offsets: np.ndarray, found: Any, i: Any, regions: tuple[str, ...], public_ips_only: bool) -> tuple[bool, int]:
    """Whether a proposal is what it looks like, and where it ends with its extension."""
    first, stop = int(offsets[found.doc[i]]), int(offsets[found.doc[i] + 1])
    start, end = int(found.start[i]), int(found.end[i])
    value = utf8[start:end].tobytes().decode()
    before = utf8[max(first, start - _BEFORE_BYTES) : start].tobytes().decode(errors="ignore")
    if found.kind[i] == IP:
        return is_ip(value, public_ips_only) and not is_numbering(before), end
    after = utf8[end : min(stop, end + _AFTER_BYTES)].tobytes().decode(errors="ignore")
    n_extension = extension(after)
    return is_phone(value, before, after[n_extension:], regions), end + n_extension


def _without_overlaps(doc: np.ndarray, start: np.ndarray, end: np.ndarray, kind: np.ndarray) -> Pii:
    order = np.lexsort((kind, start, doc))
    doc, start, end, kind = (column[order] for column in (doc, start, end, kind))
    touches = np.zeros(len(doc), bool)
    if len(doc) > 1:
        touches[1:] = (doc[1:] == doc[:-1]) & (start[1:] < np.maximum.accumulate(end + doc * _FAR)[:-1] - doc[1:] * _FAR)
    if not touches.any():
        return Pii(doc, start, end, kind)
    keep = np.ones(len(doc), bool)
    for first, last in _runs(touches):
        begin = int(start[first:last].min())
        taken = bytearray(int(end[first:last].max()) - begin)
        for i in sorted(range(first, last), key=lambda i: (kind[i], start[i], -end[i])):
            low, high = int(start[i]) - begin, int(end[i]) - begin
            keep[i] = taken.find(1, low, high) < 0
            if keep[i]:
                taken[low:high] = b"\1" * (high - low)
    return Pii(doc[keep], start[keep], end[keep], kind[keep])


_FAR = np.int64(1) << 40
"""More than the bytes of any document."""


def _runs(touches: np.ndarray) -> list[tuple[int, int]]:
    """Stretches first:last of finds of which each but the first touches an earlier one; those of length one left out."""
    firsts = np.flatnonzero(~touches)
    lasts = np.append(firsts[1:], len(touches))
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True) if last - first > 1]


def count_pii(found: Pii, n_docs: int) -> dict[str, np.ndarray]:
    """Finds of each kind in each document: kind → (n_docs,) int64."""
    return {kind: np.bincount(found.doc[found.kind == number], minlength=n_docs).astype(np.int64) for number, kind in enumerate(KINDS)}


def replace_pii(texts: pa.Array, found: Pii, placeholders: dict[str, tuple[str, ...]]) -> pa.Array:
    """Texts with each find replaced by its kind's placeholder, in turn within a document where there are several; large_string."""
    if len(found.doc) == 0:
        return texts
    utf8, offsets = text_buffers(texts)
    choice, marks, mark_offsets = _choices(found, placeholders)
    lengths = np.diff(mark_offsets)[choice] - (found.end - found.start)
    grown = np.bincount(found.doc, weights=lengths, minlength=len(texts)).astype(np.int64)
    new_offsets = np.append(0, np.cumsum(np.diff(offsets) + grown))
    out = np.empty(int(new_offsets[-1]), np.uint8)
    first = np.searchsorted(found.doc, np.arange(len(texts) + 1))
    _replace(frozen(utf8), frozen(offsets), first, found.start, found.end, choice, marks, mark_offsets, out, new_offsets)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(new_offsets), pa.py_buffer(out))


def _choices(found: Pii, placeholders: dict[str, tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which placeholder each find gets, all placeholders' bytes, and where each one lies in them."""
    first_of_kind = np.append(0, np.cumsum([len(placeholders[kind]) for kind in KINDS]))
    group = found.doc * len(KINDS) + found.kind
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(group[order]) != 0))
    turn = np.empty(len(group), np.int64)
    turn[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    size = np.diff(first_of_kind)[found.kind]
    marks = [mark.encode() for kind in KINDS for mark in placeholders[kind]]
    return first_of_kind[found.kind] + turn % size, np.frombuffer(b"".join(marks), np.uint8), np.append(0, np.cumsum([len(mark) for mark in marks]))


@inlined
def _copy(source: Any, start: int, stop: int, out: Any, place: int) -> Any:
    """Copy bytes one by one (a slice would take numba's runtime); returns where the next one goes."""
    for i in range(start, stop):
        out[place + i - start] = source[i]
    return place + stop - start


@kernel
def _replace(utf8: Any, offsets: Any, first: Any, start: Any, end: Any, choice: Any, marks: Any, mark_offsets: Any, out: Any, new_offsets: Any) -> None:
    for doc in range(len(offsets) - 1):
        at, place = offsets[doc], new_offsets[doc]
        for i in range(first[doc], first[doc + 1]):
            stop = offsets[doc] + start[i]
            place = _copy(utf8, at, stop, out, place)
            for k in range(mark_offsets[choice[i]], mark_offsets[choice[i] + 1]):
                out[place] = marks[k]
                place += 1
            at = offsets[doc] + end[i]
        _copy(utf8, at, offsets[doc + 1], out, place)


__all__ = ["DATATROVE_PLACEHOLDERS", "KINDS", "PLACEHOLDERS", "Pii", "count_pii", "find_pii", "replace_pii"]
