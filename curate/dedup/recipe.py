"""What a recipe may say about copies inside documents, streams and meanings: `dedup: {lines, substring, bloom, semantic}`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

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


class BloomRecipe(Recipe):
    """Copies in a stream, by word n-grams that came before; fixed memory. The order of the inputs decides, the number of workers does not."""

    scope: Literal["document", "paragraph", "line"] = "document"
    """What is judged: documents; or also their paragraphs or lines (DCLM's bff), which are cut."""
    ngram: Annotated[int, Field(ge=1, le=256)] = 13
    """Words in an n-gram; 13 is DCLM's. Parts with fewer words are never judged."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """What has at least this share of n-grams that came before is a copy; 0.8 is DCLM's, 1.0 Dolma's."""
    false_positive: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of new n-grams that may be taken for old ones once all are in the filter; 0.01 is DCLM's."""
    expected_ngrams: Annotated[int, Field(ge=1)] | None = None
    """How many n-grams the filter is made for; null: as many as this run has. More, if later runs are to add to it."""
    max_gib: Annotated[float, Field(gt=0)] = 8.0
    """Largest filter, in GiB; one that would need more is refused."""
    load: str = ""
    """A saved filter to start from, instead of an empty one; it stays as it is."""
    save: str = ""
    """Where to save the filter after the run."""
    read_only: bool = False
    """Look only for what the loaded filter holds (an earlier corpus, an evaluation set), not for copies within this run."""
    min_words: WordsLeft = 50
    """A document of which parts were cut and fewer words are left is dropped."""

    @model_validator(mode="after")
    def _check_files(self) -> "BloomRecipe":
        if self.read_only and not self.load:
            raise ValueError("read_only: without `load` there is nothing to compare with")
        if self.save and self.save == self.load:
            raise ValueError(f"save: {self.save} is also loaded; a second run would then find every document in it. Save under another name")
        return self
