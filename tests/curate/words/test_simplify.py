import random
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.kernels.buffers import text_buffers
from curate.words.simplify import simplify

reference = pytest.importorskip("datatrove.utils.text").simplify_text

CODE_POINTS = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
TRICKY = [*"ΣσaA1١१.,،٫! \n\tİı_-Ⅷ\u0301\u0323\u302e\u1d165\u0344\u00a0\u200d", "\U0001d165", "\U0001d15e", "\U0001d16d", "\u1715"]
ALPHABET = [*TRICKY, *(c for c in CODE_POINTS if unicodedata.combining(c))]


def simplified(texts: list[str]) -> list[str]:
    utf8, offsets = simplify(*text_buffers(pa.array(texts, pa.large_string())))
    return [utf8[offsets[i] : offsets[i + 1]].tobytes().decode() for i in range(len(texts))]


@pytest.mark.parametrize("context", ["a{}Σ", " {} b"])
def test_every_code_point_is_simplified_as_datatrove_does(context):
    texts = [context.format(char) for char in CODE_POINTS]
    assert simplified(texts) == [reference(text) for text in texts]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=["Cs"])), max_size=20), max_size=5))
@example(["ΟΔΟΣ ΣΑΣ. Σ ΑΣ\u0301 ΑΣ\u0301Α", "İSTANBUL", "1,234.5 12. 3 .5 ٣٫٤ 1.2.3"])
@example(["\u0301 a \u0301 b\u0301 \u0301", "  ", ""])
def test_any_text_is_simplified_as_datatrove_does(texts):
    assert simplified(texts) == [reference(text) for text in texts]


def test_runs_of_marks_come_in_canonical_order():
    choose = random.Random(0).choice
    texts = ["".join(choose(ALPHABET) for _ in range(12)) for _ in range(20_000)]
    assert simplified(texts) == [reference(text) for text in texts]


def test_runs_of_marks_that_no_language_has_are_put_in_order_in_pieces():
    marks = "\U0001d165\u302e"  # of classes 216 and 224, both kept
    short = "a" + marks[::-1] * 500
    assert simplified([short]) == [reference(short)]
    (long,) = simplified(["a" + marks[::-1] * 20_000])
    assert sorted(long) == sorted("a" + marks * 20_000)
    assert long.count("\u302e\U0001d165") in range(1, 40)


def test_a_slice_of_an_array_is_simplified_like_a_copy_of_it():
    texts = pa.array(["skip", "Größe 3,5!", "x", "skip"], pa.large_string())[1:3]
    utf8, offsets = simplify(*text_buffers(texts))
    assert utf8.tobytes().decode() == "große 0x" and np.array_equal(offsets, [0, 8, 9])
