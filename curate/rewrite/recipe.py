"""The section of a recipe that changes texts."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from shards.recipe import Recipe


class C4Recipe(Recipe):
    """C4's line rules; names and defaults are those of datatrove's C4QualityFilter. FineWeb switches `filter_no_terminal_punct` off."""

    remove_citations: bool = True
    """Remove `[1]`, `[edit]`, `[citation needed]`."""
    filter_no_terminal_punct: bool = True
    """Drop lines that don't end with one of `. ? ! " '`, or that end with `...`."""
    min_words_per_line: Annotated[int, Field(ge=0)] = 3
    """Drop lines with fewer words, separated by white space; 0 drops none."""
    max_word_length: Annotated[int, Field(ge=1)] | None = 1000
    """Drop lines with a longer word, in characters; null drops none."""
    filter_lorem_ipsum: bool = True
    """Flag documents with "lorem ipsum", for the rule set `c4`."""
    filter_javascript: bool = True
    """Drop lines that mention JavaScript."""
    filter_curly_bracket: bool = True
    """Flag documents with `{`, for the rule set `c4`."""
    filter_policy: bool = True
    """Drop lines that mention terms of use, cookies, a privacy or cookie policy."""


PiiKind = Literal["email", "ip", "iban", "card", "key", "ssn", "phone"]
"""The names in `curate.rewrite.pii.kinds.PII_KINDS`, except `name`."""


class PiiRecipe(Recipe):
    """Personal data is found, counted in signals `pii_emails`, `pii_phones`, …, and replaced. The rule set `pii` drops documents by those counts."""

    kinds: tuple[PiiKind, ...] = ("email", "ip", "iban", "card", "key", "phone")
    """Kinds to find. `ssn` (US social security numbers) is off by default, because other nine-digit numbers look the same."""
    regions: tuple[str, ...] = ("US",)
    """ISO 3166 codes of countries whose phone numbers count without a country code or a word such as `phone` before them."""
    all_ips: bool = False
    """Also private, local and documentation addresses; the default, as in datatrove, is public addresses only."""
    names: str | None = None
    """A spaCy pipeline (package or folder) or a Hugging Face token classifier (folder) that finds names of persons. Slow; null: off."""
    replace: bool = True
    """false: count only."""
    placeholders: Literal["tags", "datatrove"] | dict[str, tuple[str, ...]] = "tags"
    """`tags`: <EMAIL>, <PHONE>, …; `datatrove`: its addresses for mail and IP; or kind → texts, which a document's matches get in turn."""

    @field_validator("regions")
    @classmethod
    def _regions_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from phonenumbers import SUPPORTED_REGIONS

        unknown = [region for region in value if region not in SUPPORTED_REGIONS]
        if unknown:
            raise ValueError(f"{unknown[0]}: no such region; ISO 3166 codes in capitals, as in US, GB, DE")
        return value

    @field_validator("placeholders")
    @classmethod
    def _kinds_exist(cls, value: str | dict[str, tuple[str, ...]]) -> str | dict[str, tuple[str, ...]]:
        kinds = (*get_args(PiiKind), "name")
        wrong = [] if isinstance(value, str) else [kind for kind, marks in value.items() if kind not in kinds or not marks]
        if wrong:
            raise ValueError(f"{wrong[0]}: give at least one text for a kind of {', '.join(kinds)}")
        return value


class RewriteRecipe(Recipe):
    """Changes to texts: C4's line rules before signals are measured, personal data after."""

    c4: C4Recipe | None = None
    """C4's line rules; `c4: {}` applies all of them. Add the rule set `c4` for their decisions about whole documents."""
    pii: PiiRecipe | None = None
    """Replacement of personal data; `pii: {}` takes the defaults."""
