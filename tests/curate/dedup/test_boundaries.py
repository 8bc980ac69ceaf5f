import numpy as np
import pytest

from curate.dedup.boundaries import shrink
from curate.dedup.substring import Ranges


def shrunk(text: str, boundary: str, start: int, end: int) -> str | None:
    """What would be cut of bytes start:end."""
    utf8 = np.frombuffer(text.encode(), np.uint8)
    found = shrink(Ranges(*(np.array([value]) for value in (4, start, end))), np.array([0]), utf8, np.array([0, len(utf8)]), boundary)  # type: ignore[arg-type]
    return utf8[found.starts[0] : found.ends[0]].tobytes().decode() if len(found.docs) else None


@pytest.mark.parametrize("boundary", ["char", "word", "line"])
def test_no_cut_breaks_a_character(boundary: str) -> None:
    text = "naïve 中文 ภาษาไทยที่ 🙂 e\u0301t\nनमस्ते दुनिया"
    for start in range(len(text.encode()) + 1):
        for end in range(start, len(text.encode()) + 1):
            cut = shrunk(text, boundary, start, end)
            assert cut is None or cut in text


@pytest.mark.parametrize(
    ("text", "start", "end", "cut"),
    [
        ("one two three", 2, 10, "two "),  # "e two th": the blank after "one" stays
        ("one two three", 4, 7, "two"),
        ("one two three", 0, 7, "one two"),  # to the edge of the text
        ("one two three", 5, 6, None),
        ("don't_stop 3rd", 1, 14, "t_stop 3rd"),
        ("One. Two (2). Three", 3, 13, "Two (2)."),  # the full stop of "One" stays
        ('said: "One" Two', 6, 15, '"One" Two'),
        ("ภาษาไทย", 6, 15, "ษาไ"),  # scripts without spaces break anywhere …
        ("ที่นี่", 3, 18, "นี่"),  # … but before a mark
        ("中文字", 3, 6, "文"),
    ],
)
def test_word_boundaries_leave_no_half_words(text: str, start: int, end: int, cut: str | None) -> None:
    assert shrunk(text, "word", start, end) == cut


def test_line_boundaries_cut_whole_lines() -> None:
    assert shrunk("first\nsecond\nthird\nfourth", "line", 3, 20) == "second\nthird\n"
