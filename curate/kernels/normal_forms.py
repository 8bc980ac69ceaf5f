"""Unicode's normal forms in linear time.

Normalisation sorts the combining marks after a character by insertion, so a megabyte of marks after one letter would take hours. Text in
any language has a handful; Unicode's own stream-safe format (Standard Annex 15, section 13) allows 30.
"""

import unicodedata
from functools import cache
from typing import Literal

from curate.kernels.long_runs import LongRuns, cut_runs, long_runs

LONGEST_MARK_RUN = 1024
"""Upper limit of consecutive combining marks that are sorted together; longer runs are cut into pieces of this length."""

Form = Literal["NFC", "NFD"]


def normal_form(form: Form, text: str) -> str:
    """`unicodedata.normalize`, except that pieces of runs of more than LONGEST_MARK_RUN combining marks are normalised separately."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize(form, piece) for piece in pieces_of_marks(text))


def is_normal_form(form: Form, text: str) -> bool:
    """Whether `normal_form` leaves the text unchanged."""
    return text.isascii() or all(unicodedata.is_normalized(form, piece) for piece in pieces_of_marks(text))


def pieces_of_marks(text: str) -> list[str]:
    """The text in pieces, cut within runs of more than LONGEST_MARK_RUN combining marks."""
    return cut_runs(text, _mark_runs())


@cache
def _mark_runs() -> LongRuns:
    return long_runs("".join(char for char in map(chr, range(0x110000)) if unicodedata.combining(char)), LONGEST_MARK_RUN)
