"""The miners' word lists and wordings, one YAML file per language in `words/`."""

from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any

import regex
import xxhash
from pydantic import BeforeValidator

from shards.recipe import Recipe, load_recipe

_FOLDER = Path(__file__).parent / "words"


def _listed(value: Any) -> Any:
    return tuple(entry.strip() for entry in value.split(",") if entry.strip()) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Written as one comma-separated text, so that YAML does not read `no` and `on` as booleans."""


class Phrasing(Recipe):
    """One wording of a question and its answer; `{name}` is a placeholder."""

    question: str
    answer: str

    def fill(self, **values: str) -> tuple[str, str]:
        """Question and answer with the placeholders filled in."""
        return self.question.format(**values), self.answer.format(**values)


class LanguageWords(Recipe):
    """Word lists of a language, in lower case, and its wordings."""

    codes: Listed
    """Codes that documents may carry: ISO 639-1, 639-2 and 639-3."""
    spaces: bool
    """Whether spaces separate words. If not, two characters count as a word."""
    abbreviations: Listed = ()
    """A period after one of these never ends a sentence."""
    number_abbreviations: Listed = ()
    """A period after one of these does not end a sentence if a number follows."""
    unsure_abbreviations: Listed = ()
    """A period after one of these ends a sentence only before a word of `starters`."""
    starters: Listed = ()
    """Words that often begin a sentence."""
    dangling: Listed
    """Words and phrases at the beginning of a sentence that refer to the text before it."""
    dangling_inside: Listed = ()
    """Phrases anywhere in a sentence that refer to other text: "the above"."""
    function_words: Listed
    """Words that a cloze never blanks."""
    verbs: Listed = ()
    """Words that occur only in clauses, never in a heading."""
    sentence_connectives: dict[str, Listed]
    """Relation (entail, contrast, neutral, restate) to the phrases that begin its second sentence."""
    inside_connectives: dict[str, Listed]
    """`because` (before a clause) and `due_to` (before a noun) to the phrases between effect and cause."""
    no_causes: Listed = ()
    """Phrases after such a connective that name no cause: of which."""
    bends_cause: Listed = ()
    """Words before such a connective that change its meaning: not because, only because."""
    loosens_cause: Listed = ()
    """Words in an effect that make it unclear what the cause belongs to: not, if, which."""
    articles: Listed = ()
    """Removed from the beginning of a term."""
    definitions: Listed
    """Phrases between a term and its meaning."""
    plain_definitions: Listed = ()
    """The phrases of `definitions` that also define a term without quotes; not "means", which can also draw a conclusion."""
    term_joints: Listed = ()
    """Function words that a term may contain: of."""
    definition_prefixes: Listed = ()
    """Phrases that may precede a term and are not part of it."""
    not_terms: Listed = ()
    """Words that are never a term, nor its first word."""
    not_meanings: Listed = ()
    """Phrases after a defining verb that show that nothing is defined: that, a lot to."""
    question_words: Listed = ()
    """A heading that begins with one of these and ends with a question mark is a question."""
    no_titles: Listed = ()
    """Headings that say nothing about their text."""
    list_word: str = ""
    """Joins the last two words of a list."""
    question_label: str
    """Precedes a question: Question:"""
    answer_label: str
    phrasings: dict[str, tuple[Phrasing, ...]]
    """Type/sub-category to its wordings."""

    @cached_property
    def abbreviation_sets(self) -> tuple[frozenset[str], ...]:
        """`abbreviations`, `number_abbreviations`, `unsure_abbreviations`, `starters` as sets."""
        return tuple(frozenset(entries) for entries in (self.abbreviations, self.number_abbreviations, self.unsure_abbreviations, self.starters))

    @cached_property
    def function_set(self) -> frozenset[str]:
        """`function_words` as a set."""
        return frozenset(self.function_words)

    def phrase(self, kind: str, document_id: str, number: int, **values: str) -> tuple[str, str]:
        """Question and answer of item `number`, in a wording drawn by the document's id."""
        ways = self.phrasings[kind]
        return ways[xxhash.xxh3_64_intdigest(f"{document_id} {kind} {number}") % len(ways)].fill(**values)

    def n_words(self, text: str) -> int:
        """Number of words in a text."""
        return len(text.split()) if self.spaces else len(text) // 2


def known_languages() -> list[str]:
    """Codes of the languages that have a word list, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def words_of(language: str) -> LanguageWords | None:
    """The word list with the code before the first `-` or `_` of `language` (en, en-US, zho_Hans); None for other languages."""
    return _words_by_code().get(regex.split(r"[-_]", language.casefold())[0])


@cache
def _words_by_code() -> dict[str, LanguageWords]:
    lists = [load_recipe(_FOLDER / f"{name}.yaml", LanguageWords) for name in known_languages()]
    return {code: words for words in lists for code in words.codes}


@lru_cache(maxsize=256)
def phrase_pattern(phrases: tuple[str, ...], spaces: bool = True) -> regex.Pattern:
    """Case-insensitive pattern for any of the phrases as whole words, the longest first; matches nothing if there are none."""
    if not phrases:
        return regex.compile(r"(?!)")
    choices = "|".join(regex.escape(phrase).replace("’", "[’']").replace(r"\ ", r"\s+") for phrase in sorted(phrases, key=len, reverse=True))
    edges = (r"(?<![\p{L}\p{N}_’'-])", r"(?![\p{L}\p{N}_’'-])") if spaces else ("", "")
    return regex.compile(f"{edges[0]}(?:{choices}){edges[1]}", regex.IGNORECASE)
