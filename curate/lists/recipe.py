"""Lists that a recipe names: addresses to leave out, words that documents should not hold."""

from typing import Annotated, Literal

from pydantic import Field

from shards.recipe import Recipe

UrlListKind = Literal["domains", "urls", "adblock", "hard_words", "soft_words", "subwords"]


class UrlListRecipe(Recipe):
    """One list; a line each, `#` begins a comment."""

    path: str
    """A file, plain, .gz, .bz2 or .zst."""
    kind: UrlListKind = "domains"
    """`domains`: domains and hosts, also as a hosts file has them (`0.0.0.0 example.com`); with each, what is below it. `urls`: whole addresses.
    `adblock`: the host rules (`||example.com^`) of a list such as EasyList. `hard_words`, `soft_words`: words between the marks of an address.
    `subwords`: found anywhere in its letters and digits."""


class UrlListsRecipe(Recipe):
    """Lists of addresses, measured as signals `url_…`; the rule set `url_lists` drops by them, as datatrove's URLFilter does."""

    lists: Annotated[tuple[UrlListRecipe, ...], Field(min_length=1)]
    """Lists."""
    private_suffixes: bool = False
    """Sites under suffixes of companies (`name.blogspot.com`) are domains of their own; datatrove's way is not."""


class BadWordsRecipe(Recipe):
    """A list of words by language, as C4 uses LDNOOBW's; signals `n_bad_words`, `bad_words_draw`; the rule set `bad_words` drops by them."""

    path: str
    """A folder with a file for each language (`en` or `en.txt`), or one file. A word or phrase a line."""
    language: str | None = None
    """The language of all documents. Default: each document's own; where there is no list, nothing is measured."""
    unflanked: tuple[str, ...] = ("ja", "th", "zh")
    """Languages in which a word may stand inside others; elsewhere it needs characters other than letters, digits and _ around it. C4's."""


class ListsRecipe(Recipe):
    """Lists."""

    urls: UrlListsRecipe | None = None
    """null: addresses are not looked at."""
    bad_words: BadWordsRecipe | None = None
    """null: words are not looked for."""
