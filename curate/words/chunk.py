"""A decoded chunk of text: a table with one row per property and one column per character."""

from typing import Any

import numpy as np

from curate.kernels.characters import code_point_at, width_at
from curate.kernels.hashing import BASE, power
from curate.kernels.kernel import inlined
from curate.words.spacy_tables import LONGEST_ENTRY, meaning_of

# Rows.
CODE = 0
"""Code point."""
CLASS = 1
"""Flags of `spacy_tables`."""
KIND = 2
"""Flags of `characters`."""
BYTE = 3
"""Start byte of the character in the text."""
PREFIX_HASH = 4
"""Hash of the chunk's bytes before the character, uint64 reinterpreted as int64."""
WORD_END = 5
"""By index of a word found so far: its end character."""
SUFFIX_START = 6
"""By index of a suffix peeled so far, outermost first: its start character."""

_N_ROWS = 7
_ONE = np.uint64(1)


def new_chunk(n_chars: int) -> np.ndarray:
    """Scratch space for chunks of up to `n_chars` characters, (7, n_chars + 1) int64."""
    return np.empty((_N_ROWS, n_chars + 1), np.int64)


@inlined
def decode_chunk(classes: Any, characters: Any, utf8: Any, start: int, end: int, chunk: Any) -> int:
    """Fill the chunk from utf8[start:end]; returns its number of characters."""
    i, n, hashed = start, 0, np.uint64(0)
    while i < end:
        code, width = code_point_at(utf8, i), width_at(utf8, i)
        chunk[CODE, n] = code
        chunk[CLASS, n] = classes[code]
        chunk[KIND, n] = characters[code]
        chunk[BYTE, n] = i
        chunk[PREFIX_HASH, n] = np.int64(hashed)
        for k in range(i, i + width):
            hashed = hashed * BASE + (np.uint64(utf8[k]) + _ONE)
        i += width
        n += 1
    chunk[BYTE, n] = i
    chunk[PREFIX_HASH, n] = np.int64(hashed)
    return n


@inlined
def span_hash(powers: Any, chunk: Any, low: int, high: int) -> Any:
    """Hash of the chunk's characters low:high, uint64."""
    n_bytes = chunk[BYTE, high] - chunk[BYTE, low]
    return np.uint64(chunk[PREFIX_HASH, high]) - np.uint64(chunk[PREFIX_HASH, low]) * power(powers, n_bytes)


@inlined
def span_meaning(tables: Any, chunk: Any, low: int, high: int) -> Any:
    """Entry of the chunk's characters low:high in the lexicon, or 0."""
    n_bytes = chunk[BYTE, high] - chunk[BYTE, low]
    if n_bytes > LONGEST_ENTRY:
        return np.uint64(0)
    hashed = np.uint64(chunk[PREFIX_HASH, high]) - np.uint64(chunk[PREFIX_HASH, low]) * tables.powers[n_bytes]
    return meaning_of(tables, hashed)


@inlined
def is_digit(code: int) -> bool:
    """Whether a character is an ASCII digit; spaCy's expressions accept no others."""
    return 48 <= code <= 57
