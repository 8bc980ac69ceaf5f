"""Classes of code points in one table for all kernels, and decoding of UTF-8 inside kernels."""

from functools import cache
from typing import Any

import numpy as np

from curate.kernels.kernel import inlined

SPACE = 1
"""`str.isspace()`: separates words; removed by `str.strip()`."""
ALPHA = 2
"""`str.isalpha()`."""
SYMBOL = 4
"""datatrove's punctuation set: marks, controls and `TERMINAL`. A word that has only these is a symbol."""
TERMINAL = 8
"""Ends a sentence in some script; datatrove's terminal punctuation, close to Unicode's Sentence_Terminal."""
LINE_BREAK = 16
"""Line breaks of `str.splitlines()`."""
DECIMAL = 32
r"""`str.isdecimal()`: matched by `\d` in a regular expression."""
ALNUM = 64
r"""`str.isalnum()`: matched by `\w`, which also matches the underscore."""

TABLE_SIZE = 0x40000
"""Larger code points are never letters, spaces or punctuation; they share the last entry, a noncharacter."""

_LINE_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
# Code points in hexadecimal, as in datatrove/utils/text.py (Apache-2.0).
_PUNCTUATION = """
    0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA 3001-3002 3008-300D 3010-3011
    FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E
"""
_TERMINAL = """
    21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D6 17D9-17DA
    1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 2E53-2E54
    3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F
    FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239
    1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C
    11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88
"""


@cache
def character_table() -> np.ndarray:
    """Flags of every code point, (TABLE_SIZE,) uint8: SPACE, ALPHA, …, by the Unicode version of this Python."""
    characters = np.arange(TABLE_SIZE, dtype=np.uint32).view("<U1")
    table = np.zeros(TABLE_SIZE, np.uint8)
    table[np.char.isspace(characters)] |= np.uint8(SPACE)
    table[np.char.isalpha(characters)] |= np.uint8(ALPHA)
    table[np.char.isdecimal(characters)] |= np.uint8(DECIMAL)
    table[np.char.isalnum(characters)] |= np.uint8(ALNUM)
    table[_code_points(_PUNCTUATION)] |= np.uint8(SYMBOL)
    table[_code_points(_TERMINAL)] |= np.uint8(SYMBOL | TERMINAL)
    table[[ord(character) for character in _LINE_BREAKS]] |= np.uint8(LINE_BREAK)
    return table


def _code_points(ranges: str) -> list[int]:
    code_points: list[int] = []
    for item in ranges.split():
        first, _, last = item.partition("-")
        code_points += range(int(first, 16), int(last or first, 16) + 1)
    return code_points


@inlined
def width_at(utf8: Any, i: int) -> int:
    """Number of bytes of the character that starts at byte i."""
    lead = utf8[i]
    if lead < 0x80:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@inlined
def code_point_at(utf8: Any, i: int) -> Any:
    """The code point that starts at byte i of valid UTF-8, at most the table's last entry."""
    lead = np.int64(utf8[i])
    if lead < 0x80:
        return lead
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | (utf8[i + 1] & 0x3F)
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | np.int64(utf8[i + 1] & 0x3F) << 6 | (utf8[i + 2] & 0x3F)
    wide = (lead & 0x07) << 18 | np.int64(utf8[i + 1] & 0x3F) << 12 | np.int64(utf8[i + 2] & 0x3F) << 6 | (utf8[i + 3] & 0x3F)
    return min(wide, TABLE_SIZE - 1)
