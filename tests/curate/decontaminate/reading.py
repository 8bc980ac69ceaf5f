"""The slow definition of words: datatrove's simplified text, split."""

import unicodedata

import pyarrow as pa
import pytest

from curate.decontaminate.words import hashed_words
from curate.kernels.buffers import frozen, text_buffers

reference = pytest.importorskip("datatrove.utils.text").simplify_text
WORDS = ["red", "Blue", "42", "3.5", "fox", "naïve", "The", "日本語", "ไทย", "한국", "x-y", "…", "it's", "(so)", "Ünï"]


def words_of(text: str) -> list[str]:
    """The definition: words of datatrove's simplified text; each character of a script without spaces is one."""
    words: list[str] = []
    for chunk in reference(text).split():
        open_word = False
        for char in chunk:
            name = unicodedata.name(char, "")
            alone = name.startswith(("CJK ", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"))
            if alone or not open_word:
                words.append(char)
            else:
                words[-1] += char
            open_word = not alone
    return words


def hashed(*texts: str):
    return hashed_words(*(frozen(array) for array in text_buffers(pa.array(texts, pa.large_string()))))
