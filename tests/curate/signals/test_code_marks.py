import polars as pl
import pyarrow as pa
import pytest

from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter


def measured(chosen: list[str]) -> pl.DataFrame:
    return pl.DataFrame(measure(pa.array(chosen, pa.large_string()), WordSplitter(), ["sizes", "gopher_quality", "gopher_repetition", "fineweb", "code"]))


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ('{"a": 1}', 1),
        ("[1, 2]", 1),
        (' [\n{"a": 1}]\n', 1),
        ("{}", 1),
        ("[ ]", 1),
        ("[assembly: x]", 0),
        ("{ int x; }", 0),
        ("", 0),
        ('"a"', 0),
        ('{"a": 1', 0),
    ],
)
def test_json_is_told_from_its_brackets(text: str, is_json: int):
    assert measured([text])["json_like"].to_list() == [is_json]


def test_visible_text_leaves_out_tags_comments_scripts_and_styles():
    page = "<!doctype html><html><style>p { top: 0 }</style><script>if (a < b) {}</script><!-- no --><p class='a'>Two words</p> &amp;"
    found = measured([page, "a < b and c > d"])
    assert found["n_visible_chars"].to_list() == [len("Two words &amp;"), len("a < b and c > d")]
    assert found["visible_char_ratio"].to_list() == [len("Two words &amp;") / len(page), 1]
