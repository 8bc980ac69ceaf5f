"""What a recipe may change in texts."""

from typing import Annotated

from pydantic import Field

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


class RewriteRecipe(Recipe):
    """Changes to texts before they are measured."""

    c4: C4Recipe | None = None
    """C4's line rules; `c4: {}` takes all of them. Add the rule set `c4` for what they decide about whole documents."""
