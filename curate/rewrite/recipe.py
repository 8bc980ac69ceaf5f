"""What a recipe may change in texts."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from shards.recipe import Recipe


class C4Recipe(Recipe):
    """C4's line rules; names and defaults are those of datatrove's C4QualityFilter. FineWeb turns `filter_no_terminal_punct` off."""

    remove_citations: bool = True
    """Remove `[1]`, `[edit]`, `[citation needed]`."""
    filter_no_terminal_punct: bool = True
    """Drop lines that don't end with one of `. ? ! " '`, or that end with `...`."""
    min_words_per_line: Annotated[int, Field(ge=0)] = 3
    """Drop lines with fewer words between white space; 0 drops none."""
    max_word_length: Annotated[int, Field(ge=1)] | None = 1000
    """Drop lines with a longer word, in characters; null: don't."""
    filter_lorem_ipsum: bool = True
    """Flag documents with "lorem ipsum", for the rule set `c4`."""
    filter_javascript: bool = True
    """Drop lines that mention JavaScript."""
    filter_curly_bracket: bool = True
    """Flag documents with `{`, for the rule set `c4`."""
    filter_policy: bool = True
    """Drop lines that mention terms of use, cookies, a privacy or cookie policy."""


PiiKind = Literal["email", "ip", "iban", "card", "key", "ssn", "phone"]


class PiiRecipe(Recipe):
    """Personal data: found, counted in signals `pii_emails`, `pii_phones`, …, and replaced. The rule set `pii` drops by those counts."""

    kinds: tuple[PiiKind, ...] = ("email", "ip", "iban", "card", "key", "phone")
    """What is looked for. `ssn` (US social security numbers) is off by default: other nine-digit numbers look the same."""
    regions: tuple[str, ...] = ("US",)
    """ISO 3166 codes of countries whose telephone numbers count without country code or a word such as `phone` before them."""
    all_ips: bool = False
    """Also private, local and documentation addresses; datatrove's default is public ones only."""
    names: str | None = None
    """A spaCy pipeline (package or folder) or a Hugging Face token classifier (folder) that finds persons. Slow; null: off."""
    replace: bool = True
    """false: only count."""
    placeholders: Literal["tags", "datatrove"] | dict[str, tuple[str, ...]] = "tags"
    """`tags`: <EMAIL>, <PHONE>, …; `datatrove`: its addresses for mail and IP; or kind → texts, which a document's finds get in turn."""

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
        kinds = ("email", "ip", "iban", "card", "key", "ssn", "phone", "name")
        wrong = [] if isinstance(value, str) else [kind for kind, marks in value.items() if kind not in kinds or not marks]
        if wrong:
            raise ValueError(f"{wrong[0]}: give at least one text for a kind of {', '.join(kinds)}")
        return value


class RewriteRecipe(Recipe):
    """Changes to texts: C4's line rules before they are measured, personal data after."""

    c4: C4Recipe | None = None
    """C4's line rules; `c4: {}` takes all of them. Add the rule set `c4` for what they decide about whole documents."""
    pii: PiiRecipe | None = None
    """Replacing of personal data; `pii: {}` takes the defaults."""
