from typing import get_args

import pytest

from curate.extract.html import EXTRACTORS, decode_page, load_extractor
from curate.extract.recipe import ExtractorName
from tests.curate.extract.pages import PAGE, PARAGRAPHS


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_extractor_finds_the_article_and_nothing_of_scripts_and_styles(name: str) -> None:
    text = load_extractor(name)(PAGE)
    assert all(line in text for line in PARAGRAPHS)
    assert "script text" not in text and "color: red" not in text


@pytest.mark.parametrize("name", ["resiliparse", "trafilatura"])
def test_line_breaks_tables_and_code_keep_their_shape(name: str) -> None:
    text = load_extractor(name)(PAGE)
    lines = [line.strip() for line in text.split("\n")]
    assert "First line of the verse" in lines and "second line of the verse" in lines
    assert "a cell of the table" in text and "12 450" in text
    assert any(line.startswith("def f(x):") for line in lines) and any(line.startswith("return x + 1") for line in lines)


@pytest.mark.parametrize(
    ("page", "charset"),
    [
        ("héé".encode("latin-1"), "latin-1"),
        (b'<meta charset="windows-1251">' + "привет, как дела".encode("cp1251"), None),
        (b"\xef\xbb\xbf" + "héé".encode(), "latin-1"),
        (b"\xff\xfe" + "héé".encode("utf-16-le"), None),
        (b"\xfe\xff" + "héé".encode("utf-16-be"), "no such charset"),
        ("日本語の文章です。これは試験です。".encode("euc-jp"), "euc-jp"),
    ],
)
def test_charsets_come_from_marks_servers_and_meta_tags(page: bytes, charset: str | None) -> None:
    text = decode_page(page, charset)
    assert any(expected in text for expected in ("héé", "привет, как дела", "日本語の文章です")) and "\ufeff" not in text


def test_trafilatura_keeps_lists() -> None:
    assert "an item of the list" in load_extractor("trafilatura")(PAGE)


def test_invalid_bytes_do_not_hide_the_text_around_them() -> None:
    text = decode_page(b"<p>good \xff\xfe\xfd better</p>", "utf-8")
    assert "good" in text and "better" in text


def test_recipes_know_every_extractor() -> None:
    assert get_args(ExtractorName) == tuple(EXTRACTORS)
