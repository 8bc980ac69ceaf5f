"""Phrases that C4 looks for in lines, upper and lower case alike: each found by a rare pair of letters in it."""

from functools import cache
from typing import Any

import numpy as np

from curate.kernels.characters import LINE_BREAK, TABLE_SIZE, character_table, code_point_at
from curate.kernels.kernel import inlined, kernel

HAS_BRACKET = 1
"""Seen in a line: `[`."""
HAS_CURLY = 2
"""`{`."""
LOREM, JAVASCRIPT, POLICY = 4, 8, 16
"""A phrase of this kind."""
ENDS_LINE = 128
"""Of a byte: may start a line break."""

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
"""Phrase, the pair it is found by, kind. No k comes before the pair's second letter, see KELVIN."""

KELVIN = 0x212A
"""The only character beyond ASCII whose lower case is a letter of the phrases: k."""
_SMALL_K, _KELVIN_LEAD, _KELVIN_BYTES = ord("k"), 0xE2, 3

_PAIRS = sorted({pair for _, pair, _ in _PHRASES})
FIRST_SHIFT, SECOND_SHIFT = 8, 8
"""Of a byte: bit FIRST_SHIFT + p says that it may be the first letter of pair p; SECOND_SHIFT further on, the second."""
PAIRS = ((1 << len(_PAIRS)) - 1) << FIRST_SHIFT
"""All bits for first letters."""

_N_PHRASES = len(_PHRASES)
_LONGEST = max(len(phrase) for phrase, _, _ in _PHRASES)
_LETTERS = np.array([list(phrase.encode().ljust(_LONGEST, b"\0")) for phrase, _, _ in _PHRASES], np.uint8)
_LENGTHS = np.array([len(phrase) for phrase, _, _ in _PHRASES])
_PAIR_BITS = np.array([1 << FIRST_SHIFT + _PAIRS.index(pair) for _, pair, _ in _PHRASES])
_PAIR_PLACES = np.array([phrase.index(pair) + 1 for phrase, pair, _ in _PHRASES])
_KINDS = np.array([kind for _, _, kind in _PHRASES])


@cache
def byte_kinds() -> np.ndarray:
    """What a byte may be, (256,) int32: HAS_BRACKET, HAS_CURLY, ENDS_LINE, first and second letters of pairs."""
    kinds = np.zeros(256, np.int32)
    kinds[ord("[")], kinds[ord("{")] = HAS_BRACKET, HAS_CURLY
    for place, pair in enumerate(_PAIRS):
        first, second = pair[0], pair[1]
        kinds[[ord(first), ord(first.upper())]] |= 1 << FIRST_SHIFT + place
        kinds[[ord(second), ord(second.upper()), *([_KELVIN_LEAD] if second == "k" else [])]] |= 1 << FIRST_SHIFT + SECOND_SHIFT + place
    breaks = np.flatnonzero(character_table()[:-1] & LINE_BREAK)
    kinds[sorted({chr(code).encode()[0] for code in breaks.tolist()})] |= ENDS_LINE
    return kinds


@cache
def digit_table() -> np.ndarray:
    r"""Which code points `\d` matches, (TABLE_SIZE,) bool."""
    return np.char.isdecimal(np.arange(TABLE_SIZE, dtype=np.uint32).view("<U1"))


@kernel
def phrase_at(text: Any, start: int, i: int, end: int, pairs: int) -> int:
    """Kinds of the phrases in text[start:end], put in lower case, whose pair has its second letter at byte i; `pairs`: which pairs may."""
    found = 0
    for phrase in range(_N_PHRASES):
        first = i - _PAIR_PLACES[phrase]
        if pairs & _PAIR_BITS[phrase] and first >= start and _is_phrase(text, first, end, phrase):
            found |= _KINDS[phrase]
    return found


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
