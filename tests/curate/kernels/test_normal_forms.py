import random
import unicodedata

import pytest

from curate.kernels import normal_forms
from curate.kernels.normal_forms import LONGEST_MARK_RUN, is_normal_form, normal_form

MARKS = "\u0301\u0316\u0327\u093c\u05b0"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_text_with_short_runs_of_marks_is_normalised_as_pythons_library_does_it(form: normal_forms.Form):
    rng = random.Random(1)
    texts = ["", "plain", "é日本한", *("".join(rng.choices("aé한क " + MARKS * 3, k=400)) for _ in range(50)), "a" + MARKS * (LONGEST_MARK_RUN // len(MARKS))]
    assert [normal_form(form, text) for text in texts] == [unicodedata.normalize(form, text) for text in texts]
    assert [is_normal_form(form, text) for text in texts] == [unicodedata.is_normalized(form, text) for text in texts]


def test_no_more_marks_than_the_bound_are_ever_sorted_together(monkeypatch: pytest.MonkeyPatch):
    given: list[str] = []
    monkeypatch.setattr(normal_forms.unicodedata, "normalize", lambda form, text: given.append(text) or text)
    text = "a" + MARKS * LONGEST_MARK_RUN + "b" + MARKS
    normal_form("NFC", text)
    assert "".join(given) == text
    assert max(len(piece) for piece in given) <= LONGEST_MARK_RUN + len("b" + MARKS) + 1


def test_a_long_run_is_normalised_piece_by_piece():
    pieces = [MARKS[:2] * (LONGEST_MARK_RUN // 2)] * 3
    assert normal_form("NFD", "a" + "".join(pieces)) == "a" + "".join(unicodedata.normalize("NFD", piece) for piece in pieces)
    assert not is_normal_form("NFD", "a" + "".join(pieces))
