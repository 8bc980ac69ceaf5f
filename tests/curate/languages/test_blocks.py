import pytest

from curate.languages.blocks import after_front_matter, closing_fence, fence_length, indented_block, next_line
from curate.languages.marks import CLASSES
from tests.curate.languages.test_marks import as_bytes


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("---\ntitle: x\n---\nText", "\nText"),
        ("---\r\ntitle: x\r\n---\r\nText", "\r\nText"),
        ("---\ntitle: x\n---", ""),
        ("---\ntitle: x\n----\nText", "---\ntitle: x\n----\nText"),
        ("--- title\n---\nText", "--- title\n---\nText"),
        ("---\n" + "x" * 9000 + "\n---\nText", "---\n" + "x" * 9000 + "\n---\nText"),
    ],
)
def test_front_matter_ends_after_its_second_rule(text: str, rest: str) -> None:
    utf8 = as_bytes(text)
    assert text.encode()[after_front_matter(utf8, 0, len(utf8)) :].decode() == rest


@pytest.mark.parametrize(("line", "length"), [("```", 3), ("````py\n", 4), ("~~~ x", 3), ("``", 0), ("```a``` b", 0), ("~~~a~~~", 3), ("# x", 0)])
def test_a_fence_is_three_marks_without_another_backtick(line: str, length: int) -> None:
    utf8 = as_bytes(line)
    assert fence_length(utf8, 0, len(utf8)) == length


@pytest.mark.parametrize(
    ("text", "rest"),
    [("```\ncode\n```\nText", "Text"), ("```\n``\n  ````  \nText", "Text"), ("```\n~~~\n``` x\n```", ""), ("~~~\n```\n~~~\n", "")],
)
def test_a_fence_is_closed_by_as_many_of_its_marks_alone_on_a_line(text: str, rest: str) -> None:
    utf8 = as_bytes(text)
    assert text.encode()[closing_fence(utf8, 0, len(utf8), 3, CLASSES) :].decode() == rest


def test_an_unclosed_fence_gives_0() -> None:
    utf8 = as_bytes("````\ncode\n```\n")
    assert closing_fence(utf8, 0, len(utf8), 4, CLASSES) == 0


@pytest.mark.parametrize(
    ("text", "n_lines", "is_code"),
    [
        ("    x = f(y)\n\n\tz = 1\nText", 3, True),
        ("    12 34 56 words\nText", 1, True),
        ("    plain words here\n    and more of them\nText", 2, False),
        ("   x = f(y)\n", 0, False),
    ],
)
def test_indented_lines_are_code_if_they_have_marks_calls_or_digits(text: str, n_lines: int, is_code: bool) -> None:
    utf8 = as_bytes(text)
    end, looks_like_code = indented_block(utf8, 0, len(utf8), CLASSES)
    assert (text[:end].count("\n"), bool(looks_like_code)) == (n_lines, is_code)


def test_the_next_line_begins_after_the_line_feed() -> None:
    utf8 = as_bytes("ab\ncd")
    assert [next_line(utf8, at, len(utf8)) for at in (0, 2, 3)] == [3, 3, 6]
