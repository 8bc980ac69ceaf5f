"""Find personal data in texts, count it, and replace it by placeholders.

Where matches overlap, the kind that comes first in KINDS wins, then the match that starts first. Values never leave this module: reports contain kinds and
counts only.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.kernel import inlined, kernel
from curate.rewrite.pii.byte_classes import SCANNED, Candidates
from curate.rewrite.pii.checks import extension, is_ip, is_numbering, is_phone
from curate.rewrite.pii.kinds import KINDS, PII_KINDS, Spans
from curate.rewrite.pii.scan import scan

_IP, _PHONE = KINDS.index("ip"), KINDS.index("phone")
_NUMBER_OF_SCANNED = np.array([KINDS.index(kind) for kind in SCANNED], np.uint8)

_BEFORE_BYTES, _AFTER_BYTES = 48, 24
NameFinder = Callable[[pa.Array], Spans]


class Pii(NamedTuple):
    """Matches without overlaps, in order of document and start: `doc` int64, `start`, `end` int64 byte offsets in the text, `kind` uint8 index in KINDS."""

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
    """Personal data of `kinds` in `texts`, a string or large_string array. `regions`: ISO 3166 codes of countries whose national phone numbers count."""
    utf8, offsets = (frozen(array) for array in text_buffers(texts))
    candidates = _scanned(utf8, offsets, kinds)
    keep = np.ones(len(candidates.doc), bool)
    for i in np.flatnonzero((candidates.kind == _PHONE) | (candidates.kind == _IP)):
        keep[i], candidates.end[i] = _check(utf8, offsets, candidates, i, regions, public_ips_only)
    doc, start, end, kind = (column[keep] for column in candidates)
    parts: list[tuple[Any, ...]] = [(doc, start - offsets[doc], end - offsets[doc], kind)]
    finders = {name: kind.find for name, kind in PII_KINDS.items()} | {"name": names}
    for number, name in enumerate(KINDS):
        find = finders[name]
        if name in kinds and find is not None:
            spans = find(texts)
            parts.append((*spans, np.full(len(spans[0]), number, np.uint8)))
    return _without_overlaps(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _scanned(utf8: np.ndarray, offsets: np.ndarray, kinds: Sequence[str]) -> Candidates:
    """Candidates of the wanted kinds that the scan finds; their `kind` is an index in KINDS."""
    candidates = scan(utf8, offsets)
    is_wanted = np.array([kind in kinds for kind in SCANNED])[candidates.kind]
    doc, start, end, kind = (column[is_wanted] for column in candidates)
    return Candidates(doc, start, end, _NUMBER_OF_SCANNED[kind])


def _check(utf8: np.ndarray, offsets: np.ndarray, candidates: Candidates, i: Any, regions: tuple[str, ...], public_ips_only: bool) -> tuple[bool, int]:
    """Whether a candidate is an IP address or phone number, and its end including an extension."""
    first, stop = int(offsets[candidates.doc[i]]), int(offsets[candidates.doc[i] + 1])
    start, end = int(candidates.start[i]), int(candidates.end[i])
    value = utf8[start:end].tobytes().decode()
    before = utf8[max(first, start - _BEFORE_BYTES) : start].tobytes().decode(errors="ignore")
    if candidates.kind[i] == _IP:
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
    """Ranges first:last of at least two matches in which every match but the first overlaps an earlier one."""
    firsts = np.flatnonzero(~touches)
    lasts = np.append(firsts[1:], len(touches))
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True) if last - first > 1]


def count_pii(found: Pii, n_docs: int) -> dict[str, np.ndarray]:
    """Number of matches of each kind in each document: kind → (n_docs,) int64."""
    return {kind: np.bincount(found.doc[found.kind == number], minlength=n_docs).astype(np.int64) for number, kind in enumerate(KINDS)}


def replace_pii(texts: pa.Array, found: Pii, placeholders: dict[str, tuple[str, ...]]) -> pa.Array:
    """Texts with each match replaced by its kind's placeholder; if a kind has several, a document's matches get them in turn. large_string."""
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
    """The placeholder of each match (index), the bytes of all placeholders, and their offsets."""
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
def _copy(source: Any, start: int, stop: int, out: Any, to: int) -> Any:
    """Copy bytes one by one, because a slice would need numba's runtime → end of the output."""
    for i in range(start, stop):
        out[to + i - start] = source[i]
    return to + stop - start


@kernel
def _replace(utf8: Any, offsets: Any, first: Any, start: Any, end: Any, choice: Any, marks: Any, mark_offsets: Any, out: Any, new_offsets: Any) -> None:
    for doc in range(len(offsets) - 1):
        at, to = offsets[doc], new_offsets[doc]
        for i in range(first[doc], first[doc + 1]):
            stop = offsets[doc] + start[i]
            to = _copy(utf8, at, stop, out, to)
            for k in range(mark_offsets[choice[i]], mark_offsets[choice[i] + 1]):
                out[to] = marks[k]
                to += 1
            at = offsets[doc] + end[i]
        _copy(utf8, at, offsets[doc + 1], out, to)
