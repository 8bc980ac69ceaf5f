"""Repetition in a text: repeated n-grams, loops, variety, compressibility.

n-grams are of words, which do not depend on a tokenizer; in scripts without blanks between words, of characters. So a human text and the texts of
models with different tokenizers are measured alike.
"""

import zlib
from collections.abc import Sequence

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_UNITS = regex.compile(rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+|\S", regex.V1)
LOOP_TOKENS = 12
"""A cycle must cover at least so many tokens at the end of a text to count as a loop …"""
LOOP_ROUNDS = 3
"""… and at least so many rounds."""


def units_of(text: str) -> list[str]:
    """Words, single punctuation marks, and single characters of scripts that are written without blanks."""
    return _UNITS.findall(text)


def repeated_share(units: Sequence[object], n: int) -> float:
    """Share of n-grams that occurred before in the same text (seq-rep-n of Welleck et al. 2019): 1 − distinct / all; 0 for fewer than two n-grams."""
    n_grams = [tuple(units[start : start + n]) for start in range(len(units) - n + 1)]
    return 1 - len(set(n_grams)) / len(n_grams) if n_grams else 0.0


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether the text ends in a cycle: its last tokens repeat with a fixed period, over at least 12 tokens and 3 rounds."""
    ids = list(tokens)
    for period in range(1, len(ids) // LOOP_ROUNDS + 1):
        covered = period
        while covered < len(ids) and ids[-covered - 1] == ids[-covered - 1 + period]:
            covered += 1
        if covered >= max(LOOP_ROUNDS * period, LOOP_TOKENS):
            return True
    return False


def compression_ratio(text: str) -> float:
    """Bytes of the text over its bytes after zlib, with its fixed header of 8 bytes left out; 1 for an empty text. Repetition raises it."""
    data = text.encode()
    return len(data) / max(len(zlib.compress(data, 9)) - 8, 1) if data else 1.0
