"""spaCy's default punctuation rules as character classes, taken from spaCy itself.

`chunk_rules` applies them in kernels. It was written against certain regular expressions; a language whose expressions differ, or a
spaCy that changed them, gets no rules here, and all its chunks are put to spaCy itself.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import xxhash

from curate.signals.characters import TABLE_SIZE
from curate.signals.hashing import POWERS, hash_bytes, hash_set

PREFIX = 1
"""Split off alone at the start of a chunk."""
SUFFIX = 2
"""Split off alone at its end."""
INFIX = 4
"""Split out alone inside it: ellipsis and icons."""
LETTER = 8
"""spaCy's ALPHA, which is not `str.isalpha()`."""
LOWER = 16
"""spaCy's ALPHA_LOWER, with all letters of scripts without case."""
UPPER = 32
"""spaCy's ALPHA_UPPER, likewise."""
QUOTE = 64
DOT_LEFT = 128
"""A full stop after it, at the end of the chunk, is split off."""

NO_RULES, BASE_RULES, ENGLISH_RULES = 0, 1, 2
_FINGERPRINTS = {"0764f32dbdfd69b0": BASE_RULES, "d9efdd548a913d53": ENGLISH_RULES}
"""xxh3-64 of (prefix, suffix, infix, url) expressions → which rules they are; English also splits at hyphens after digits."""


class SpacyTables(NamedTuple):
    """What `chunk_rules` needs to know of a language."""

    rules: int
    """NO_RULES, BASE_RULES or ENGLISH_RULES."""
    classes: np.ndarray
    """(TABLE_SIZE,) uint8: PREFIX, SUFFIX, … of every code point."""
    units: np.ndarray
    """Hash set of what is split off after a digit: units and currencies."""
    patterns: np.ndarray
    """Hash set of exceptions that spaCy also looks for across the tokens of a chunk: those with affixes of their own."""
    longest_pattern: int
    """Bytes of the longest of those."""
    powers: np.ndarray
    """(N_POWERS,) uint64: powers of the hash's base."""


def spacy_tables(tokenizer: Any) -> SpacyTables:
    """Tables for a blank spaCy tokenizer; without rules if its expressions are not the known ones."""
    rules = _FINGERPRINTS.get(fingerprint(tokenizer), NO_RULES)
    classes = _classes() if rules != NO_RULES else np.zeros(TABLE_SIZE, np.uint8)
    patterns = [text for text in tokenizer.rules if _is_pattern(tokenizer, text)]
    return SpacyTables(rules, classes, _text_set(_units()), _text_set(patterns), max(len(text.encode()) for text in patterns), POWERS)


def fingerprint(tokenizer: Any) -> str:
    """xxh3-64 of the tokenizer's regular expressions."""
    searches = (tokenizer.prefix_search, tokenizer.suffix_search, tokenizer.infix_finditer, tokenizer.token_match, tokenizer.url_match)
    patterns = [search.__self__.pattern if search is not None else "" for search in searches]
    return xxhash.xxh3_64_hexdigest("\0".join(patterns))


def _is_pattern(tokenizer: Any, text: str) -> bool:
    return bool(tokenizer.find_prefix(text) or tokenizer.find_infix(text) or tokenizer.find_suffix(text))


@cache
def _classes() -> np.ndarray:
    from spacy.lang import char_classes as spacy_classes

    quotes, letters = spacy_classes.CONCAT_QUOTES, (spacy_classes.ALPHA, spacy_classes.ALPHA_LOWER, spacy_classes.ALPHA_UPPER)
    marks = spacy_classes.LIST_PUNCT + spacy_classes.LIST_QUOTES + spacy_classes.LIST_ICONS + ["…", "—", "–"]
    expressions = {
        PREFIX: "|".join(_single(["§", "%", "=", *marks, *spacy_classes.LIST_CURRENCY])),
        SUFFIX: "|".join(_single(marks)),
        INFIX: "|".join(["…", *spacy_classes.LIST_ICONS]),
        LETTER: f"[{letters[0]}]",
        LOWER: f"[{letters[1]}]",
        UPPER: f"[{letters[2]}]",
        QUOTE: f"[{quotes}]",
        DOT_LEFT: rf"[0-9{letters[1]}%²\-\+{spacy_classes.PUNCT}(?:{quotes})]",
    }
    every_character = "".join(chr(code) for code in range(TABLE_SIZE) if not 0xD800 <= code < 0xE000)
    classes = np.zeros(TABLE_SIZE, np.uint8)
    for flag, expression in expressions.items():
        classes[[ord(character) for character in re.findall(expression, every_character)]] |= flag
    return classes


def _single(expressions: list[str]) -> list[str]:
    """Expressions that match one character; the longer ones have rules of their own in `chunk_rules`."""
    return [expression for expression in expressions if len(expression.removeprefix("\\")) == 1 or expression.startswith("[")]


def _units() -> list[str]:
    from spacy.lang.char_classes import CURRENCY, UNITS

    return [text.replace("\\", "") for text in (UNITS + "|" + CURRENCY).split("|")]


def _text_set(texts: list[str]) -> np.ndarray:
    chunks = [np.frombuffer(text.encode(), np.uint8) for text in texts]
    return hash_set([int(hash_bytes(chunk, 0, len(chunk))) for chunk in chunks])
