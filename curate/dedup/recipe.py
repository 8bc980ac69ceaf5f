"""What a recipe may say about copies inside documents, streams and meanings: `dedup: {lines, substring, bloom, semantic}`."""

from typing import Annotated, Literal

from pydantic import Field

from shards.recipe import Recipe

WordsLeft = Annotated[int, Field(ge=1)]


class LinesRecipe(Recipe):
    """Lines or paragraphs that stood in the corpus before are cut (CCNet). Not for hard-wrapped text: there a line is no unit of meaning."""

    scope: Literal["line", "paragraph"] = "paragraph"
    """What is compared: lines, or what blank lines separate."""
    window: Annotated[int, Field(ge=1, le=64)] = 1
    """So many in a row must be repeated; 3 is datatrove's for sentences."""
    copies: Annotated[int, Field(ge=1)] = 1
    """So many of each stay, the first in the order of the inputs."""
    min_chars: Annotated[int, Field(ge=1)] = 20
    """Shorter ones stay, in characters without punctuation: `By:` or `the` repeat by chance. 1 is cc_net's."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""


class SubstringRecipe(Recipe):
    """Stretches of text that stood in the corpus before are cut, wherever they begin and end (Lee et al. 2022)."""

    min_bytes: Annotated[int, Field(ge=16, le=4096)] = 200
    """Shortest repetition, in bytes of UTF-8. Lee et al.: 50 tokens of GPT-2, which are about 200 bytes of English."""
    keep: Literal["first", "none"] = "first"
    """`first`: the first occurrence stays. `none`: all go, as with Google's program."""
    boundary: Literal["char", "word", "line"] = "word"
    """Cuts are shrunk to whole characters, words or lines."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""
    memory_gib: Annotated[float, Field(gt=0)] = Field(default=1.0, exclude=True)
    """Memory for tables, in GiB. With less, texts are read more often; the result is the same."""
