from typing import get_args

from curate.read.formats import FORMATS, format_of
from curate.read.recipe import FormatName, InputRecipe


def test_recipes_know_every_format() -> None:
    assert get_args(FormatName) == ("auto", *FORMATS)


def test_an_extension_stands_for_one_format() -> None:
    suffixes = [suffix for kind in FORMATS.values() for suffix in kind.suffixes]
    assert len(set(suffixes)) == len(suffixes) and all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


def test_keys_of_formats_are_keys_of_inputs() -> None:
    assert {key for kind in FORMATS.values() for key in kind.keys} <= InputRecipe.model_fields.keys()


def test_formats_follow_extensions_under_any_compression() -> None:
    names = ["a.txt", "a.md.zst", "a.JSONL.gz", "a.warc.wet.gz", "a.parquet", "a.tsv.xz", "a.htm", "a.gz", "a.py", "README", "a.jpg"]
    formats = [format_of(name) for name in names]
    assert formats == ["text", "markdown", "jsonl", "warc", "parquet", "csv", "html", None, "text", "text", None]
