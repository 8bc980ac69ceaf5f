"""Which splitter a recipe's `words` names, and which one a language gets where it says `auto`."""

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
"""`auto`: spaCy's rules, ICU's dictionaries where words have no spaces between them. `auto:datatrove`: what FineWeb2 measured with."""

OTHERWISE = "spacy:xx"
"""Of languages without an assignment, and of texts in none: rules for any language with spaces."""

BY_SCRIPT = "icu:en"
"""ICU takes its dictionary by the characters it meets; English decides about the rest."""

_N_SPLITTERS = 16
"""Held at a time: each keeps a table of what it learned."""


class Splitter(Protocol):
    """Splits UTF-8 into words."""

    name: str

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        ...

    def split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Like `split`; the next call may overwrite what this one returned."""
        ...


@lru_cache(maxsize=_N_SPLITTERS)
def load_splitter(name: str) -> Splitter:
    """The splitter `name`: `spacy:LANGUAGE`, `icu:LANGUAGE`, `jieba:zh`, `newmm:th`, `sudachi:ja`, `kiwi:ko` or `characters`.

    For `auto`, where documents of several languages are split together and their words only counted, it is ICU, which goes by script.
    Raises CurateError for an unknown one and for one that is not installed.
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
    """The splitter of a document in `language`, any identifier's code of it, under a recipe's `words`."""
    return _assignments(AUTOMATIC[words]).get(full_code(language), OTHERWISE) if words in AUTOMATIC else words


def check_words(words: str) -> None:
    """Raise CurateError if `words`, or a library that `auto` may need for some language, cannot be used here."""
    if words not in AUTOMATIC:
        load_splitter(words)
        return
    for name in sorted(set(_assignments(AUTOMATIC[words]).values())):
        if name.partition(":")[0] in LIBRARIES:
            load_splitter(name)


@cache
def _assignments(column: str) -> dict[str, str]:
    table = language_table()
    return dict(zip(table["language"].to_list(), table[column].to_list(), strict=True))
