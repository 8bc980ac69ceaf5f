"""Text simplified for the search for near-duplicates: lower case, numbers as 0, punctuation as space, no diacritics.

The definition is that of `simplify_text` in datatrove (utils/text.py), the one behind FineWeb's deduplication, in this order:
lower case; a number with at most one decimal separator becomes "0"; each punctuation mark becomes a space; runs of whitespace
become one space, none at the ends; canonical decomposition (NFD) without nonspacing marks (Mn); no spaces at the ends.

One pass handles each code point by tables built from Python's own Unicode data. The kernel handles what depends on neighbours: final
sigma, numbers, spaces, and the canonical order of the few combining marks that are kept.
"""

import sys
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import regex
from numba import njit

PUNCTUATION = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»" + "".join(
    map(chr, [*range(9), *range(11, 32), *range(127, 160)])
)
"""datatrove's list. A full-width 1 is in it but counts as a digit. Tab and line feed are not in it: they are whitespace."""

_DECIMAL_SEPARATORS = ".,،٫⎖⎗⎘"
_DIGIT = regex.compile(r"\p{Nd}")
_N_POINTS = sys.maxunicode + 1
_LINE_FEED = 10
_GROWTH = 3  # no code point's replacement has more than three times its bytes (U+1D160 from 4 to 12)

# Flags of a code point.
SPACE = 1  # whitespace or punctuation: a blank in the result
NUMBER = 2  # decimal digit
_SEPARATOR = 4  # may stand once inside a number
_CASED = 8  # decides whether a sigma next to it is final
_CASE_IGNORABLE = 16  # is skipped when deciding that
_TRANSPARENT = 32  # only removed marks with a combining class: does not end a run of marks
_ORDERED = 64  # has a kept mark with a combining class, which must be sorted into its run
_SIGMA = 128

_LONGEST_RUN = 4096
"""Upper limit of bytes of marks sorted together. Sorting takes quadratic time, so longer runs, which no language has, are sorted in pieces."""

_CAPITAL_SIGMA, _SIGMA_INSIDE, _SIGMA_FINAL = 0x3A3, 0x3C3, 0x3C2


class Tables(NamedTuple):
    """Replacement of each code point: `flags` uint8, and UTF-8 bytes `utf8[start[c]:start[c + 1]]`."""

    flags: np.ndarray
    start: np.ndarray
    utf8: np.ndarray
    combining: np.ndarray
    """Canonical combining class, uint8 per code point."""


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The table, built once per process from this Python's Unicode data in about a second."""
    # Line feeds separate the characters, so that whole-string methods do the work; as whitespace they need no replacement.
    chars = [chr(point) for point in range(_N_POINTS) if not 0xD800 <= point <= 0xDFFF and point != _LINE_FEED]
    points = np.array([ord(char) for char in chars])
    decomposed = unicodedata.normalize("NFD", "\n".join(chars).lower())
    removed = dict.fromkeys(point for point in range(_N_POINTS) if unicodedata.category(chr(point)) == "Mn")
    kept = decomposed.translate(removed).split("\n")
    flags = np.zeros(_N_POINTS, np.uint8)
    flags[points] = _flags(chars, decomposed.split("\n"), kept)
    flags[_LINE_FEED] = SPACE
    replacements = np.zeros(_N_POINTS, object)
    replacements[:] = ""
    replacements[points] = kept
    replacements[flags & SPACE > 0] = ""
    start = np.zeros(_N_POINTS + 1, np.int32)
    np.cumsum([len(piece.encode()) for piece in replacements], out=start[1:])
    combining = np.array([unicodedata.combining(chr(point)) for point in range(_N_POINTS)], np.uint8)
    return Tables(flags, start, np.frombuffer("".join(replacements).encode(), np.uint8), combining)


def _flags(chars: list[str], decomposed: list[str], kept: list[str]) -> np.ndarray:
    digits = set(_DIGIT.findall("".join(chars)))
    spaces = {char for char in chars if char.isspace()} | set(PUNCTUATION) - digits
    marks = {char for char in chars if unicodedata.combining(char)}
    final = np.array([text.endswith("ς") for text in "\n".join(char + "Σ" for char in chars).lower().split("\n")])
    final_after_a = np.array([text.endswith("ς") for text in "\n".join("a" + char + "Σ" for char in chars).lower().split("\n")])
    members = {
        SPACE: [char in spaces for char in chars],
        NUMBER: [char in digits for char in chars],
        _SEPARATOR: [char in _DECIMAL_SEPARATORS for char in chars],
        _CASED: final,
        _CASE_IGNORABLE: final_after_a & ~final,
        _TRANSPARENT: [not stays and marks.issuperset(whole) for whole, stays in zip(decomposed, kept, strict=True)],
        _ORDERED: [not marks.isdisjoint(stays) for stays in kept],
        _SIGMA: [char == "Σ" for char in chars],
    }
    return sum((np.asarray(values, np.uint8) * np.uint8(flag) for flag, values in members.items()), np.zeros(len(chars), np.uint8))


def simplify(utf8: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Simplify texts in an Arrow buffer: `utf8 (n_bytes,) uint8` valid UTF-8, `offsets (n_docs + 1,) int64`.

    Returns a new buffer and its offsets (from 0), with the same dtypes. Exact by the definition in the module's docstring.
    """
    unicode = tables()
    out = np.empty(_GROWTH * (offsets[-1] - offsets[0]) + 1, np.uint8)
    out_offsets = np.zeros(len(offsets), np.int64)
    _simplify_all(utf8, offsets, unicode.flags, unicode.start, unicode.utf8, unicode.combining, out, out_offsets)
    return out[: out_offsets[-1]].copy(), out_offsets


@njit(cache=True, nogil=True)
def _simplify_all(utf8: Any, offsets: Any, flags: Any, start: Any, replacements: Any, combining: Any, out: Any, out_offsets: Any) -> Any:
    for doc in range(len(offsets) - 1):
        stop = _simplify_one(utf8, offsets[doc], offsets[doc + 1], flags, start, replacements, combining, out, out_offsets[doc])
        out_offsets[doc + 1] = stop


@njit(cache=True, nogil=True)
def _simplify_one(utf8: Any, first: Any, stop: Any, flags: Any, start: Any, replacements: Any, combining: Any, out: Any, begin: Any) -> Any:
    place = run = begin
    at = first
    started = blank = False
    while at < stop:
        point, width = decode(utf8, at)
        flag = flags[point]
        if flag & SPACE:
            blank = started
            at += width
            continue
        if blank:
            out[place] = 32
            place += 1
            run = place
        started, blank = True, False
        if flag & NUMBER:
            at = number_end(utf8, at + width, stop, flags)
            out[place] = 48
            place += 1
            run = place
            continue
        if flag & _SIGMA:
            point = _SIGMA_FINAL if _is_final(utf8, first, at, at + width, stop, flags) else _SIGMA_INSIDE
        at += width
        before = place
        for index in range(start[point], start[point + 1]):
            out[place] = replacements[index]
            place += 1
        if flag & _ORDERED:
            run = _sort_into_run(out, run, before, place, combining)
        elif not flag & _TRANSPARENT:
            run = place
    return _strip(out, begin, place)


@njit(cache=True, nogil=True, inline="always")
def decode(utf8: Any, at: Any) -> Any:
    """The code point at a byte, and its width in bytes."""
    byte = np.int64(utf8[at])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | (utf8[at + 1] & 0x3F), 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (utf8[at + 1] & 0x3F) << 6 | (utf8[at + 2] & 0x3F), 3
    return (byte & 0x07) << 18 | (utf8[at + 1] & 0x3F) << 12 | (utf8[at + 2] & 0x3F) << 6 | (utf8[at + 3] & 0x3F), 4


@njit(cache=True, nogil=True)
def number_end(utf8: Any, at: Any, stop: Any, flags: Any) -> Any:
    """End of a number whose first digit was just read: digits, then optionally a separator and digits."""
    separator_seen = False
    while at < stop:
        point, width = decode(utf8, at)
        if not flags[point] & NUMBER:
            if separator_seen or not flags[point] & _SEPARATOR or at + width >= stop:
                return at
            after, _ = decode(utf8, at + width)
            if not flags[after] & NUMBER:
                return at
            separator_seen = True
        at += width
    return at


@njit(cache=True, nogil=True)
def _is_final(utf8: Any, first: Any, at: Any, after: Any, stop: Any, flags: Any) -> Any:
    """Unicode's Final_Sigma: a cased letter before, none after, looking through case-ignorable characters."""
    cased_before = False
    while at > first:
        at -= 1
        while utf8[at] & 0xC0 == 0x80:
            at -= 1
        point, _ = decode(utf8, at)
        if not flags[point] & _CASE_IGNORABLE:
            cased_before = flags[point] & _CASED > 0
            break
    if not cased_before:
        return False
    while after < stop:
        point, width = decode(utf8, after)
        if not flags[point] & _CASE_IGNORABLE:
            return flags[point] & _CASED == 0
        after += width
    return True


@njit(cache=True, nogil=True)
def _sort_into_run(out: Any, run: Any, before: Any, place: Any, combining: Any) -> Any:
    """Move the kept mark in `out[before:place]` to its position in canonical order within the run of marks that starts at `run`.

    Returns the start of the run. A replacement that starts with a base has its marks in order and starts a new run.
    """
    point, width = decode(out, before)
    if combining[point] == 0:
        return before + width
    if before - run >= _LONGEST_RUN:
        return before
    target = before
    while target > run:
        previous = target - 1
        while out[previous] & 0xC0 == 0x80:
            previous -= 1
        if combining[decode(out, previous)[0]] <= combining[point]:
            break
        target = previous
    size = place - before
    mark = out[before:place].copy()
    for index in range(before - 1, target - 1, -1):
        out[index + size] = out[index]
    out[target : target + size] = mark
    return run


@njit(cache=True, nogil=True)
def _strip(out: Any, begin: Any, place: Any) -> Any:
    """Strip blanks at both ends of `out[begin:place]`, which removed marks may leave. Returns the new end."""
    while place > begin and out[place - 1] == 32:
        place -= 1
    lead = begin
    while lead < place and out[lead] == 32:
        lead += 1
    if lead > begin:
        for index in range(lead, place):
            out[index - lead + begin] = out[index]
    return place - lead + begin
