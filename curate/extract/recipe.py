"""The section of an input that says how pages become text."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from shards.recipe import Recipe

ExtractorName = Literal["resiliparse", "trafilatura", "readability", "justext", "all_text"]


class ExtractRecipe(Recipe):
    """Extraction of the main content of HTML pages, in HTML files and web archives. A name alone means it with all defaults."""

    name: ExtractorName = "resiliparse"
    """`resiliparse` is the fast default, as in DCLM. `trafilatura` has the highest F1 on gold pages (0.96 against 0.92 on news, with a larger lead in
    languages other than English) at thirteen times the cost, and keeps lists that Resiliparse takes for menus. `all_text` keeps boilerplate.
    `benchmarks.extract` compares them; falling back from one to the other was not better than trafilatura alone."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Upper limit of CPU seconds per page, `10` or `10s`; a page that takes longer is dropped under `extract/timeout`."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) and value in get_args(ExtractorName) else value

    @field_validator("timeout", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return value.strip().removesuffix("s") if isinstance(value, str) else value
