from typing import get_args

from curate.read.formats import FORMATS, format_by_suffix
from curate.read.recipe import FormatName, InputRecipe


def test_recipes_know_every_format() -> None:
    assert get_args(FormatName) == ("auto", *FORMATS)


def test_an_extension_stands_for_one_format() -> None:
    suffixes = [suffix for kind in FORMATS.values() for suffix in kind.suffixes]
    assert len(set(suffixes)) == len(suffixes) and all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)
    assert (format_by_suffix(".ndjson"), format_by_suffix(".unknown")) == ("jsonl", None)


def test_keys_of_formats_are_keys_of_inputs() -> None:
    assert {key for kind in FORMATS.values() for key in kind.keys} <= InputRecipe.model_fields.keys()
