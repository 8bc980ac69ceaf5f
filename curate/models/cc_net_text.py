"""The text normalisation of cc_net's language models (Wenzek et al. 2020), as one table of characters.

Lower case, accents removed, digits → 0, typographic marks → ASCII, control characters removed. Line feeds are control characters too.
"""

import unicodedata
from functools import cache

from curate.kernels.normal_forms import normal_form

# ASCII text and the marks that it replaces, as in cc_net/text_normalizer.py (MIT).
_MARKS = {
    '"': "„”“«»」「《》",
    "'": "´’",
    ",": "，、",
    ".": "。",
    ":": "∶：",
    "?": "？",
    "!": "！",
    "(": "（",
    ")": "）",
    ";": "；",
    "-": "–━►",
    " - ": "—",
    ". ": "．",
    "~": "～",
    "...": "…",
    "<": "〈",
    ">": "〉",
    "[": "【",
    "]": "】",
    "%": "％",
}
_CONTROLS = [*range(32), *range(127, 160)]


class _Table(dict[int, str | int | None]):
    """Table for `str.translate`, filled as characters occur."""

    def __missing__(self, code: int) -> str | int | None:
        category = unicodedata.category(chr(code))
        self[code] = None if category == "Mn" else "0" if category == "Nd" else code
        return self[code]


@cache
def _table() -> _Table:
    table = _Table({ord(mark): plain for plain, marks in _MARKS.items() for mark in marks})
    table.update(dict.fromkeys(_CONTROLS))
    return table


def normalize(text: str) -> str:
    """A line as cc_net passes it to SentencePiece and KenLM. Lines of a whole text are joined without a space, as line feeds are removed."""
    lowered = text.strip().lower()
    return normal_form("NFD", lowered).translate(_table())
