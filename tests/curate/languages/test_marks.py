import numpy as np
import pytest

from curate.kernels.buffers import frozen
from curate.languages.marks import CLASSES, N_KINDS, is_word, left_out


def as_bytes(text: str) -> np.ndarray:
    return frozen(np.frombuffer(text.encode(), np.uint8))


def removed(text: str, start: int = 0) -> str:
    """What is left out at `start`."""
    utf8 = as_bytes(text)
    return text.encode()[start : left_out(utf8, start, len(utf8), np.zeros(N_KINDS, np.int64))].decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`a b` c", "`a b`"),
        ("``a ` b`` c", "``a ` b``"),
        ("`a\nb`", "`"),
        ("<b class='x'>bold</b>", "<b class='x'>"),
        ("<pre>a <b>c</b></pre> d", "<pre>a <b>c</b></pre>"),
        ("<Script>x</sCRIPT> d", "<Script>x</sCRIPT>"),
        ("<!-- a --> b", "<!-- a -->"),
        ("< 5 > 4", "<"),
        ("{{ a.b }} c", "{{ a.b }}"),
        ("{% if a %} c", "{% if a %}"),
        ("{ a }", "{"),
        ("](/a/b) c", "](/a/b)"),
        ("] (a)", "]"),
        ("{{ " + "a" * 600 + "}}", "{"),
    ],
)
def test_what_a_mark_encloses_is_left_out(text: str, expected: str) -> None:
    assert removed(text) == expected


def test_no_byte_is_searched_twice_for_a_mark_that_is_missing() -> None:
    utf8, missed = as_bytes("{{ a {{ b"), np.zeros(N_KINDS, np.int64)
    assert left_out(utf8, 0, len(utf8), missed) == 1 and missed.max() == len(utf8)
    assert left_out(utf8, 5, len(utf8), missed) == 6


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("**word**", "word"),
        ("_it's_,", "it's"),
        ("(12:30)", "12:30"),
        ("and/or", "and/or"),
        ("U.S.", "U.S"),
        ("a/b/c", ""),
        ("a_b", ""),
        ("a1", ""),
        ("f(x)", ""),
        ("end.join", ""),
        ("q" * 40, "q" * 40),
        ("q" * 41, ""),
        ("--", ""),
    ],
)
def test_a_word_has_no_marks_inside(token: str, word: str) -> None:
    first, end = is_word(as_bytes(token), 0, len(token), CLASSES)
    assert token[first:end] == word
