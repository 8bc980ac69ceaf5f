"""What the miners know of a language: one YAML file each in `words/`."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any

import regex
import xxhash
from pydantic import BeforeValidator

from shards.recipe import Recipe, load_recipe

_FOLDER = Path(__file__).parent / "words"


def _listed(value: Any) -> Any:
    return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Written as one text with commas, so that `no` and `on` are words, not YAML's truth values."""


class Phrasing(Recipe):
    """One way to put a question and its answer; `{name}` is filled in."""

    question: str
    answer: str

    def fill(self, **values: str) -> tuple[str, str]:
        """Question and answer."""
        return self.question.format(**values), self.answer.format(**values)


class LanguageWords(Recipe):
    """Lists are in lower case."""

    code: str
    """ISO 639-1."""
    spaces: bool
    """Whether words stand apart. Where not, a word's length is taken as two characters."""
    abbreviations: Listed = ()
    """A period after one ends no sentence."""
    number_abbreviations: Listed = ()
    """A period after one ends no sentence if a number follows."""
    unsure_abbreviations: Listed = ()
    """A period after one ends a sentence only before a word of `starters`."""
    starters: Listed = ()
    """Words that often begin a sentence."""
    dangling: Listed
    """Words and phrases at the beginning of a sentence that lean on what came before it."""
    dangling_inside: Listed = ()
    """The same anywhere in a sentence: "the above"."""
    function_words: Listed
    """Words that a cloze never asks for."""
    verbs: Listed = ()
    """Words that only clauses hold; a heading has none of them."""
    sentence_connectives: dict[str, Listed]
    """Relation (entail, contrast, neutral, restate) to what begins its second sentence."""
    inside_connectives: dict[str, Listed]
    """`because` (a clause follows) and `due_to` (a noun follows) to what stands between effect and cause."""
    no_causes: Listed = ()
    """What follows such a connective where no cause is told: of which."""
    bends_cause: Listed = ()
    """Words before such a connective that change what it says: not because, only because."""
    loosens_cause: Listed = ()
    """Words in an effect that leave open what the cause is of: not, if, which."""
    articles: Listed = ()
    """Taken off the beginning of a term."""
    definitions: Listed
    """What stands between a term and its meaning."""
    plain_definitions: Listed = ()
    """Those that make a definition also of a term without quotes: "means" may as well draw a conclusion."""
    term_joints: Listed = ()
    """Function words that a term may hold: of."""
    definition_prefixes: Listed = ()
    """What may stand before a term and is no part of it."""
    not_terms: Listed = ()
    """Words that are never a term alone or at its beginning."""
    not_meanings: Listed = ()
    """What follows such a verb where it defines nothing: that, a lot to."""
    question_words: Listed = ()
    """A heading that begins with one and ends with a question mark is a question."""
    no_titles: Listed = ()
    """Headings that say nothing of their text."""
    list_word: str = ""
    """Joins the last two words of a list."""
    question_label: str
    """Stands before a question: Question:"""
    answer_label: str
    phrasings: dict[str, tuple[Phrasing, ...]]
    """Type/sub-category to its wordings."""

    @cached_property
    def abbreviation_sets(self) -> tuple[frozenset[str], ...]:
        """`abbreviations`, `number_abbreviations`, `unsure_abbreviations`, `starters` for look-up."""
        return tuple(frozenset(one) for one in (self.abbreviations, self.number_abbreviations, self.unsure_abbreviations, self.starters))

    @cached_property
    def function_set(self) -> frozenset[str]:
        """`function_words` for look-up."""
        return frozenset(self.function_words)

    def phrase(self, kind: str, document_id: str, number: int, **values: str) -> tuple[str, str]:
        """Question and answer in the wording that the document's id draws for its item `number`."""
        ways = self.phrasings[kind]
        return ways[xxhash.xxh3_64_intdigest(f"{document_id} {kind} {number}") % len(ways)].fill(**values)

    def n_words(self, text: str) -> int:
        """Words of a text."""
        return len(text.split()) if self.spaces else len(text) // 2


def known_languages() -> list[str]:
    """Codes of the languages that miners know."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def words_of(language: str) -> LanguageWords | None:
    """By any code that begins with the two letters of ISO 639-1 (en, en-US, zh_Hans) or is a known ISO 639-3 one; None for others."""
    code = _LONG_CODES.get(regex.split(r"[-_]", language.casefold())[0], regex.split(r"[-_]", language.casefold())[0])
    return _load(code) if code in known_languages() else None


_LONG_CODES = {"eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "zho": "zh", "chi": "zh", "cmn": "zh"}


@lru_cache(maxsize=16)
def _load(code: str) -> LanguageWords:
    return load_recipe(_FOLDER / f"{code}.yaml", LanguageWords)


@lru_cache(maxsize=256)
def phrase_pattern(phrases: tuple[str, ...], spaces: bool = True) -> regex.Pattern:
    """Any of the phrases, whole words, case ignored, the longest first; matches nothing if there are none."""
    if not phrases:
        return regex.compile(r"(?!)")
    choices = "|".join(regex.escape(one).replace("’", "[’']").replace(r"\ ", r"\s+") for one in sorted(phrases, key=len, reverse=True))
    edges = (r"(?<![\p{L}\p{N}_’'-])", r"(?![\p{L}\p{N}_’'-])") if spaces else ("", "")
    return regex.compile(f"{edges[0]}(?:{choices}){edges[1]}", regex.IGNORECASE)
