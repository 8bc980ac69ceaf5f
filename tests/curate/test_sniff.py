import pyarrow as pa
import pytest

from curate.read.documents import looks_like


@pytest.mark.parametrize(
    "text, kind",
    [
        *((text, "markup") for text in ("<p>a", " \n<?xml?>", "<!-- a", "</a>")),
        *((text, "json") for text in ('{"text": 1}', '\n [ {"a"', '["a"', "[[1")),
        *((text, None) for text in ("< 3", "<3 you", "a <b>", "{a}", "[1] A footnote", "", None)),
    ],
)
def test_documents_are_told_by_how_they_begin(text: str | None, kind: str | None) -> None:
    found = looks_like(pa.record_batch([pa.array([text, "plain"], pa.large_string()), pa.array(["s", "s"])], names=["text", "source"]))
    assert {name: dict(counts) for name, counts in found.items()} == {name: ({"s": 1} if name == kind else {}) for name in ("markup", "json")}
