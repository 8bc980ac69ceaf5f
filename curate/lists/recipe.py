"""The section of the recipe on lists: addresses to leave out, words that documents should not hold."""

from typing import Annotated, Literal

from pydantic import Field

from shards.recipe import Recipe

UrlListKind = Literal["domains", "urls", "adblock", "hard_words", "soft_words", "subwords"]


class UrlListRecipe(Recipe):
    """One list, with one entry a line; `#` begins a comment."""

    path: str
    """A file, plain, .gz, .bz2 or .zst."""
    kind: UrlListKind = "domains"
    """`domains`: domains and hosts with all hosts below them, also in the form of a hosts file (`0.0.0.0 example.com`). `urls`: whole addresses.
    `adblock`: the host rules (`||example.com^`) of a list such as EasyList. `hard_words`, `soft_words`: words between the punctuation marks of an address.
    `subwords`: found anywhere in its letters and digits."""


class UrlListsRecipe(Recipe):
    """Lists of addresses, measured as signals `url_…`; the rule set `url_lists` drops by these signals, like datatrove's URLFilter."""

    lists: Annotated[tuple[UrlListRecipe, ...], Field(min_length=1)]
    """The lists to compare each document's address with."""
    private_suffixes: bool = False
    """true: sites under suffixes of companies (`name.blogspot.com`) are domains of their own. false: they are not, as in datatrove."""


class BadWordsRecipe(Recipe):
    """A list of words by language, as C4 uses LDNOOBW's; signals `n_bad_words`, `bad_words_draw`; the rule set `bad_words` drops by them."""

    path: str
    """A folder with a file for each language (`en` or `en.txt`), or one file. A word or phrase a line."""
    language: str | None = None
    """The language of all documents. null: each document's own; in languages without a list, nothing is measured."""
    unflanked: tuple[str, ...] = ("ja", "th", "zh")
    """Languages in which a word may be part of a longer one. In others, letters, digits and _ around it exclude it. C4's choice."""


class ListsRecipe(Recipe):
    """Lists of addresses and of words."""

    urls: UrlListsRecipe | None = None
    """Lists of addresses; null: none."""
    bad_words: BadWordsRecipe | None = None
    """Lists of words; null: none."""
