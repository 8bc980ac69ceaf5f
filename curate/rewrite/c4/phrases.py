"""Phrases that C4 searches for in lines, ignoring case. Each is found by a rare pair of letters in it."""

from functools import cache
from typing import Any

import numpy as np

from curate.kernels.characters import LINE_BREAK, TABLE_SIZE, character_table, code_point_at
from curate.kernels.kernel import inlined, kernel

HAS_BRACKET = 1
"""Flag of a line that contains `[`."""
HAS_CURLY = 2
"""Flag of a line that contains `{`."""
LOREM, JAVASCRIPT, POLICY = 4, 8, 16
"""Flags of a line that contains a phrase of this kind."""
ENDS_LINE = 128
"""Flag of a byte that may start a line break."""

_PHRASES = (
    ("lorem ipsum", "ps", LOREM),
    ("javascript", "ja", JAVASCRIPT),
    ("terms of use", "ms", POLICY),
    ("privacy policy", "va", POLICY),
    ("cookie policy", "ok", POLICY),
    ("uses cookies", "ok", POLICY),
    ("use of cookies", "ok", POLICY),
    ("use cookies", "ok", POLICY),
)
"""Phrase, its pair, kind. No k occurs before the pair's second letter, see KELVIN."""

KELVIN = 0x212A
"""The only non-ASCII character whose lower case is a letter of the phrases: k."""
_SMALL_K, _KELVIN_LEAD, _KELVIN_BYTES = ord("k"), 0xE2, 3

_PAIRS = sorted({pair for _, pair, _ in _PHRASES})
FIRST_SHIFT, SECOND_SHIFT = 8, 8
"""Bit FIRST_SHIFT + p of a byte: it may be the first letter of pair p. The bit SECOND_SHIFT higher: it may be the second."""
PAIRS = ((1 << len(_PAIRS)) - 1) << FIRST_SHIFT
"""All bits of first letters."""

_N_PHRASES = len(_PHRASES)
_LONGEST = max(len(phrase) for phrase, _, _ in _PHRASES)
_LETTERS = np.array([list(phrase.encode().ljust(_LONGEST, b"\0")) for phrase, _, _ in _PHRASES], np.uint8)
_LENGTHS = np.array([len(phrase) for phrase, _, _ in _PHRASES])
_PAIR_BITS = np.array([1 << FIRST_SHIFT + _PAIRS.index(pair) for _, pair, _ in _PHRASES])
_PAIR_OFFSETS = np.array([phrase.index(pair) + 1 for phrase, pair, _ in _PHRASES])
_KINDS = np.array([kind for _, _, kind in _PHRASES])


@cache
def byte_kinds() -> np.ndarray:
    """Flags of each byte, (256,) int32: HAS_BRACKET, HAS_CURLY, ENDS_LINE, first and second letters of pairs."""
    kinds = np.zeros(256, np.int32)
    kinds[ord("[")], kinds[ord("{")] = HAS_BRACKET, HAS_CURLY
    for index, pair in enumerate(_PAIRS):
        first, second = pair[0], pair[1]
        kinds[[ord(first), ord(first.upper())]] |= 1 << FIRST_SHIFT + index
        kinds[[ord(second), ord(second.upper()), *([_KELVIN_LEAD] if second == "k" else [])]] |= 1 << FIRST_SHIFT + SECOND_SHIFT + index
    breaks = np.flatnonzero(character_table()[:-1] & LINE_BREAK)
    kinds[sorted({chr(code).encode()[0] for code in breaks.tolist()})] |= ENDS_LINE
    return kinds


@cache
def digit_table() -> np.ndarray:
    r"""Whether `\d` matches each code point, (TABLE_SIZE,) bool."""
    return np.char.isdecimal(np.arange(TABLE_SIZE, dtype=np.uint32).view("<U1"))


@kernel
def phrase_at(text: Any, start: int, i: int, end: int, pairs: int) -> int:
    """Kinds of the phrases in text[start:end], ignoring case, whose pair has its second letter at byte i; `pairs`: the candidate pairs."""
    kinds = 0
    for phrase in range(_N_PHRASES):
        first = i - _PAIR_OFFSETS[phrase]
        if pairs & _PAIR_BITS[phrase] and first >= start and _is_phrase(text, first, end, phrase):
            kinds |= _KINDS[phrase]
    return kinds


@inlined
def _lower(text: Any, i: int) -> int:
    if text[i] == _KELVIN_LEAD:
        return _SMALL_K if code_point_at(text, i) == KELVIN else 0
    return text[i] | 0x20 if 65 <= text[i] <= 90 else text[i]


@kernel
def _is_phrase(text: Any, i: int, end: int, phrase: int) -> bool:
    for k in range(_LENGTHS[phrase]):
        if i >= end or _lower(text, i) != _LETTERS[phrase, k]:
            return False
        i += _KELVIN_BYTES if text[i] == _KELVIN_LEAD else 1
    return True
