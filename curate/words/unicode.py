"""Words by the boundaries of Unicode Standard Annex 29 that start with a letter or digit, as DCLM counts them."""

from functools import cache
from typing import Any

import numpy as np

from curate.kernels.characters import TABLE_SIZE, width_at
from curate.kernels.hashing import hash_bytes
from curate.kernels.kernel import inlined, kernel
from curate.words.spaced import first_words
from curate.words.split import Words, new_words

_CLASSES = (
    *("Other", "ALetter", "Hebrew_Letter", "Numeric", "Katakana", "ExtendNumLet", "MidLetter", "MidNum", "MidNumLet", "Single_Quote", "Double_Quote"),
    *("Extend", "Format", "ZWJ", "WSegSpace", "Regional_Indicator", "CR", "LF", "Newline"),
)
(_OTHER, _LETTER, _HEBREW, _NUMERIC, _KATAKANA, _JOINER, _MID_LETTER, _MID_NUMBER, _MID_BOTH, _QUOTE, _QUOTES) = range(11)
(_EXTEND, _FORMAT, _ZWJ, _SPACE, _REGION, _RETURN, _LINE, _NEWLINE) = range(11, 19)
_CLASS_BITS = 31
_PICTOGRAPH, _ALPHANUMERIC = 32, 64
_N_CODES = 0xE01F0
"""Code points from here are private, unassigned or not characters: class Other."""


def unicode_words(utf8: np.ndarray, offsets: np.ndarray) -> Words:
    """Segments between word boundaries of the documents utf8[offsets[d] : offsets[d + 1]] whose first character is `str.isalnum`.

    Unicode properties are those of the installed `regex` package. The flags of the words are not set.
    """
    n_docs = len(offsets) - 1
    words = new_words(n_docs, int(offsets[-1] - offsets[0]) + 1)
    return first_words(words, _split(utf8, offsets, _properties(), words))


@cache
def _properties() -> np.ndarray:
    """Class of each code point, with bits _PICTOGRAPH and _ALPHANUMERIC; (_N_CODES,) uint8."""
    import regex

    codes = np.arange(_N_CODES, dtype=np.uint32)
    codes[0xD800:0xE000] = 0  # surrogates are not characters
    text = codes.tobytes().decode("utf-32-le")
    table = np.zeros(_N_CODES, np.uint8)
    for number, name in enumerate(_CLASSES[1:], 1):
        for match in regex.finditer(rf"\p{{WB={name}}}+", text):
            table[match.start() : match.end()] = number
    for match in regex.finditer(r"\p{Extended_Pictographic}+", text):
        table[match.start() : match.end()] |= np.uint8(_PICTOGRAPH)
    table[np.char.isalnum(codes.view("<U1"))] |= np.uint8(_ALPHANUMERIC)
    return table


@cache
def alphanumeric_at() -> np.ndarray:
    """Which code points are `str.isalnum`, (TABLE_SIZE,) bool."""
    return (_properties()[:TABLE_SIZE] & _ALPHANUMERIC) > 0


@kernel
def _split(utf8: Any, offsets: Any, properties: Any, words: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        while i < end:
            is_word = _property(utf8, i, properties) & _ALPHANUMERIC
            stop, n_chars = _segment_end(utf8, i, end, properties)
            if is_word:
                words.starts[n], words.ends[n], words.n_chars[n], words.flags[n] = i, stop, n_chars, 0
                words.hashes[n] = hash_bytes(utf8, i, stop)
                n += 1
            i = stop
        words.doc_offsets[doc + 1] = n
    return n


@inlined
def _property(utf8: Any, i: int, properties: Any) -> Any:
    lead = np.int64(utf8[i])
    if lead < 0x80:
        code = lead
    elif lead < 0xE0:
        code = (lead & 0x1F) << 6 | (utf8[i + 1] & 0x3F)
    elif lead < 0xF0:
        code = (lead & 0x0F) << 12 | np.int64(utf8[i + 1] & 0x3F) << 6 | (utf8[i + 2] & 0x3F)
    else:
        code = (lead & 0x07) << 18 | np.int64(utf8[i + 1] & 0x3F) << 12 | np.int64(utf8[i + 2] & 0x3F) << 6 | (utf8[i + 3] & 0x3F)
    return np.int64(properties[code]) if code < len(properties) else 0


@kernel
def _segment_end(utf8: Any, i: int, end: int, properties: Any) -> tuple[int, int]:
    """End and number of characters of the segment that starts at byte i. Rules have their numbers in the annex."""
    last = _property(utf8, i, properties) & _CLASS_BITS
    # `before` and `current` skip characters that WB4 attaches to the previous one.
    before, current, n_regions, n_chars = _OTHER, last, 1 if last == _REGION else 0, 1
    i += width_at(utf8, i)
    while i < end:
        kind = _property(utf8, i, properties)
        following = kind & _CLASS_BITS
        if last >= _RETURN or following >= _RETURN:  # WB3, WB3a, WB3b
            if not (last == _RETURN and following == _LINE):
                break
        elif last == _ZWJ and kind & _PICTOGRAPH:  # WB3c
            before, current = current, following
        elif last == _SPACE and following == _SPACE:  # WB3d
            pass
        elif following not in (_EXTEND, _FORMAT, _ZWJ):  # WB4
            after = _OTHER
            if following in (_MID_LETTER, _MID_NUMBER, _MID_BOTH, _QUOTE, _QUOTES):
                after = _class_after(utf8, i, end, properties)
            if not (_joins(before, current, following, after) or (current == _REGION and following == _REGION and n_regions % 2 == 1)):
                break
            before, current = current, following
            n_regions = n_regions + 1 if following == _REGION else 0
        last = following
        n_chars += 1
        i += width_at(utf8, i)
    return i, n_chars


@kernel
def _class_after(utf8: Any, i: int, end: int, properties: Any) -> int:
    """Class of the next character after the one at byte i that WB4 does not attach, or _OTHER."""
    i += width_at(utf8, i)
    while i < end:
        kind = _property(utf8, i, properties) & _CLASS_BITS
        if kind not in (_EXTEND, _FORMAT, _ZWJ):
            return kind
        i += width_at(utf8, i)
    return _OTHER


@inlined
def _is_letter(kind: int) -> bool:
    return kind in (_LETTER, _HEBREW)


@kernel
def _joins(before: int, current: int, following: int, after: int) -> bool:
    """Whether there is no boundary between current and following: WB5 to WB13b."""
    is_mid_letter = following in (_MID_LETTER, _MID_BOTH, _QUOTE)
    was_mid_letter = current in (_MID_LETTER, _MID_BOTH, _QUOTE)
    if _is_letter(current):
        if _is_letter(following) or following in (_NUMERIC, _JOINER) or (is_mid_letter and _is_letter(after)):  # WB5, WB9, WB13a, WB6
            return True
        return current == _HEBREW and (following == _QUOTE or (following == _QUOTES and after == _HEBREW))  # WB7a, WB7b
    if current == _NUMERIC:
        if following in (_NUMERIC, _JOINER) or _is_letter(following):  # WB8, WB13a, WB10
            return True
        return following in (_MID_NUMBER, _MID_BOTH, _QUOTE) and after == _NUMERIC  # WB12
    if current == _KATAKANA:
        return following in (_KATAKANA, _JOINER)  # WB13, WB13a
    if current == _JOINER:
        return _is_letter(following) or following in (_NUMERIC, _KATAKANA, _JOINER)  # WB13a, WB13b
    if was_mid_letter and _is_letter(before) and _is_letter(following):  # WB7
        return True
    if current == _QUOTES and before == _HEBREW and following == _HEBREW:  # WB7c
        return True
    return current in (_MID_NUMBER, _MID_BOTH, _QUOTE) and before == _NUMERIC and following == _NUMERIC  # WB11
