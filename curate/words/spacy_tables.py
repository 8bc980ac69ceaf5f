"""spaCy's default punctuation rules as character classes, taken from spaCy itself.

`chunk_rules` applies them in kernels. It implements certain regular expressions. For languages or spaCy versions with other expressions
there are no rules here, and spaCy itself splits all chunks.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import xxhash

from curate.kernels.buffers import frozen
from curate.kernels.characters import TABLE_SIZE
from curate.kernels.hashing import POWERS, hash_set, set_slot, text_hash
from curate.kernels.kept_arrays import kept_arrays
from curate.kernels.kernel import inlined, source_digest

PREFIX = 1
"""A character that is split off at the start of a chunk."""
SUFFIX = 2
"""A character that is split off at the end of a chunk."""
INFIX = 4
"""A character that is split out inside a chunk: ellipsis and icons."""
LETTER = 8
"""spaCy's ALPHA, which is not `str.isalpha()`."""
LOWER = 16
"""spaCy's ALPHA_LOWER, which includes letters of scripts without case."""
UPPER = 32
"""spaCy's ALPHA_UPPER, which includes them too."""
QUOTE = 64
DOT_LEFT = 128
"""A full stop that follows it at the end of a chunk is split off."""

NO_RULES, BASE_RULES, ENGLISH_RULES = 0, 1, 2
_FINGERPRINTS = {"0764f32dbdfd69b0": BASE_RULES, "d9efdd548a913d53": ENGLISH_RULES}
"""xxh3-64 of the (prefix, suffix, infix, url) expressions → rules. English also splits at hyphens after digits."""


IS_PATTERN = np.uint64(1 << 63)
"""Flag of an exception that contains affixes; spaCy also looks for it across the tokens of a chunk."""
IS_UNIT = np.uint64(1 << 62)
"""Flag of an entry that is a unit or currency, split off after a digit."""
WORD_ENDS = np.uint64((1 << 62) - 1)
"""Mask of an exception: bit b is set if one of its words ends after byte b."""
LONGEST_ENTRY = 61
"""Upper limit of bytes of an exception or unit in the tables."""

N_FILTER_BITS = 15
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


class SpacyTables(NamedTuple):
    """Tables of a language for `chunk_rules`."""

    rules: int
    """NO_RULES, BASE_RULES or ENGLISH_RULES."""
    classes: np.ndarray
    """(TABLE_SIZE,) uint8: PREFIX, SUFFIX, … of every code point."""
    lexicon: np.ndarray
    """Hash set of exceptions, units and currencies."""
    meanings: np.ndarray
    """(len(lexicon),) uint64 by slot: WORD_ENDS, IS_PATTERN, IS_UNIT."""
    pattern_ends: np.ndarray
    """(len(lexicon),) uint64 by slot of a pattern: bit b is set if a word ends after byte b before the pattern is merged."""
    lexicon_filter: np.ndarray
    """(2**N_FILTER_BITS / 64,) uint64: one bit per hash of the lexicon, to reject most other hashes early."""
    longest_pattern: int
    """Bytes of the longest exception that is a pattern."""
    pattern_pairs: np.ndarray
    """Hash set of `pair_key` of the characters on both sides of each word boundary inside a pattern."""
    powers: np.ndarray
    """(N_POWERS,) uint64: powers of the hash's base."""


def spacy_tables(name: str, tokenizer: Callable[[], Any]) -> SpacyTables:
    """Tables of the blank spaCy tokenizer of this name, read-only arrays. spaCy is loaded only if they are not cached on disk.

    They have no rules if the tokenizer's expressions are unknown.
    """
    arrays = kept_arrays(name, [version("spacy"), source_digest(__file__)], lambda: _make_tables(tokenizer()))
    rules, longest_pattern = (int(arrays.pop(key)) for key in ("rules", "longest_pattern"))
    return SpacyTables(rules=rules, longest_pattern=longest_pattern, powers=frozen(POWERS), **{key: frozen(array) for key, array in arrays.items()})


def _make_tables(tokenizer: Any) -> dict[str, np.ndarray]:
    rules = _FINGERPRINTS.get(fingerprint(tokenizer), NO_RULES)
    classes, lexicon = (_classes(), _lexicon(tokenizer)) if rules != NO_RULES else (np.zeros(1, np.uint8), {})
    hashes = {text: text_hash(text) for text in lexicon}
    slots = hash_set(list(hashes.values()))
    meanings, pattern_ends, lexicon_filter = np.zeros(len(slots), np.uint64), np.zeros(len(slots), np.uint64), np.zeros((1 << N_FILTER_BITS) // 64, np.uint64)
    for text, meaning in lexicon.items():
        meanings[set_slot(slots, hashes[text])] |= meaning
        place = int(filter_place(hashes[text]))
        lexicon_filter[place >> 6] |= np.uint64(1 << (place & 63))
    patterns = [text for text, meaning in lexicon.items() if meaning & IS_PATTERN]
    plain = _without_exceptions(tokenizer)
    pairs = set()
    for text in patterns:
        spans = word_spans(plain, text)
        pattern_ends[set_slot(slots, hashes[text])] = _ends(spans)
        utf8 = text.encode()
        pairs |= {pair_key(ord(utf8[:end].decode()[-1]), ord(utf8[end:].decode()[0])) for _, end in spans[:-1]}
    longest_pattern = max((len(text.encode()) for text in patterns), default=0)
    if max((len(text.encode()) for text in lexicon), default=0) > LONGEST_ENTRY:
        rules = NO_RULES
    figures = {"rules": np.array(rules), "longest_pattern": np.array(longest_pattern)}
    tables = {"classes": classes, "lexicon": slots, "meanings": meanings, "pattern_ends": pattern_ends, "lexicon_filter": lexicon_filter}
    return figures | tables | {"pattern_pairs": hash_set(list(pairs))}


def word_spans(tokenizer: Any, text: str) -> list[tuple[int, int]]:
    """Start and end byte of each of spaCy's tokens that is not white space."""
    spans = [(token.idx, token.idx + len(token)) for token in tokenizer(text) if not token.text.isspace()]
    if text.isascii():
        return spans
    return [(len(text[:start].encode()), len(text[:end].encode())) for start, end in spans]


@inlined
def filter_place(hashed: Any) -> Any:
    """Index of the filter bit of a hash."""
    return (hashed * _MULTIPLIER) >> np.uint64(64 - N_FILTER_BITS)


@inlined
def _in_filter(lexicon_filter: Any, hashed: Any) -> bool:
    place = filter_place(hashed)
    return (lexicon_filter[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1) != 0


@inlined
def pair_key(left: int, right: int) -> Any:
    """A non-zero key of two code points."""
    return np.uint64(left) << np.uint64(32) | np.uint64(right)


@inlined
def slot_of_text(tables: Any, hashed: Any) -> Any:
    """Slot of the text with this hash in the lexicon, or -1."""
    if not _in_filter(tables.lexicon_filter, hashed):
        return np.int64(-1)
    return set_slot(tables.lexicon, hashed)


@inlined
def meaning_of(tables: Any, hashed: Any) -> Any:
    """Entry of the text with this hash in the lexicon, or 0."""
    slot = slot_of_text(tables, hashed)
    return tables.meanings[slot] if slot >= 0 else np.uint64(0)


def fingerprint(tokenizer: Any) -> str:
    """xxh3-64 of the tokenizer's regular expressions."""
    searches = (tokenizer.prefix_search, tokenizer.suffix_search, tokenizer.infix_finditer, tokenizer.token_match, tokenizer.url_match)
    patterns = [search.__self__.pattern if search is not None else "" for search in searches]
    return xxhash.xxh3_64_hexdigest("\0".join(patterns))


def _lexicon(tokenizer: Any) -> dict[str, np.uint64]:
    lexicon = {unit: IS_UNIT for unit in _units()}
    for text in tokenizer.rules:
        is_pattern = tokenizer.find_prefix(text) or tokenizer.find_infix(text) or tokenizer.find_suffix(text)
        ends = _ends(word_spans(tokenizer, text))
        lexicon[text] = lexicon.get(text, np.uint64(0)) | ends | (IS_PATTERN if is_pattern else np.uint64(0))
    return lexicon


def _ends(spans: list[tuple[int, int]]) -> np.uint64:
    return np.uint64(sum(1 << end for _, end in spans))


def _without_exceptions(tokenizer: Any) -> Any:
    """The tokenizer without its exceptions."""
    names = ("prefix_search", "suffix_search", "infix_finditer", "token_match", "url_match")
    return type(tokenizer)(tokenizer.vocab, rules={}, **{name: getattr(tokenizer, name) for name in names})


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
    codes = np.concatenate([np.arange(0xD800), np.arange(0xE000, TABLE_SIZE)])  # surrogates are not characters
    every_character = codes.astype("<u4").tobytes().decode("utf-32-le")
    classes = np.zeros(TABLE_SIZE, np.uint8)
    for flag, expression in expressions.items():
        for run in re.finditer(f"(?:{expression})+", every_character):
            classes[codes[run.start() : run.end()]] |= np.uint8(flag)
    return classes


def _single(expressions: list[str]) -> list[str]:
    """Expressions that match one character; `chunk_rules` implements the longer ones."""
    return [expression for expression in expressions if len(expression.removeprefix("\\")) == 1 or expression.startswith("[")]


def _units() -> list[str]:
    from spacy.lang.char_classes import CURRENCY, UNITS

    return [text.replace("\\", "") for text in (UNITS + "|" + CURRENCY).split("|")]
