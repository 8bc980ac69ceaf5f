"""Splitters by the names in a recipe's `words`, and the choice by language for `auto`."""

from functools import cache, lru_cache
from typing import Protocol

import numpy as np

from curate.errors import CurateError
from curate.languages.table import full_code, language_table
from curate.words.characters import CharacterSplitter
from curate.words.libraries import LIBRARIES, LibrarySplitter
from curate.words.spacy_words import WordSplitter
from curate.words.split import Words

AUTOMATIC = {"auto": "words", "auto:datatrove": "words_datatrove"}
"""`auto`: spaCy's rules, or ICU's dictionaries for scripts without spaces. `auto:datatrove`: the splitters of FineWeb2."""

OTHERWISE = "spacy:xx"
"""For other languages and unidentified texts: rules for any language with spaces."""

BY_SCRIPT = "icu:en"
"""ICU chooses its dictionary by script; English covers the rest."""

SPLITTERS: dict[str, str] = {}
"""Corrections to the table of languages, for both of AUTOMATIC: `swh_Latn` to the name of its splitter."""

_N_SPLITTERS = 16
"""Splitters kept in memory; each has a table of what it learned."""


class Splitter(Protocol):
    """Splits UTF-8 into words."""

    name: str

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        ...

    def split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Like `split`, but the next call may overwrite the result."""
        ...


@lru_cache(maxsize=_N_SPLITTERS)
def load_splitter(name: str) -> Splitter:
    """The splitter `name`: `spacy:LANGUAGE`, `icu:LANGUAGE`, `jieba:zh`, `newmm:th`, `sudachi:ja`, `kiwi:ko` or `characters`.

    For `auto`, which splits documents of several languages together only to count words, it is ICU, which chooses by script.
    Raises CurateError for an unknown splitter and for one that is not installed.
    """
    if name in AUTOMATIC:
        return load_splitter(BY_SCRIPT)
    kind = name.partition(":")[0]
    if name == CharacterSplitter.name:
        return CharacterSplitter()
    if kind in LIBRARIES:
        return LibrarySplitter(name)
    if kind == "spacy":
        return WordSplitter(name)
    raise CurateError(f"words {name}: known are {', '.join(AUTOMATIC)}, spacy:LANGUAGE, icu:LANGUAGE, jieba:zh, newmm:th, sudachi:ja, kiwi:ko, characters")


def splitter_name(words: str, language: str) -> str:
    """Name of the splitter for `language` (the code of any identifier) under a recipe's `words`."""
    return _assignments(AUTOMATIC[words]).get(full_code(language), OTHERWISE) if words in AUTOMATIC else words


def check_words(words: str) -> None:
    """Raise CurateError if `words`, or a library that `auto` may need, is unavailable."""
    if words not in AUTOMATIC:
        load_splitter(words)
        return
    for name in sorted(set(_assignments(AUTOMATIC[words]).values())):
        if name.partition(":")[0] in LIBRARIES:
            load_splitter(name)


@cache
def _assignments(column: str) -> dict[str, str]:
    table = language_table()
    return dict(zip(table["language"].to_list(), table[column].to_list(), strict=True)) | SPLITTERS
