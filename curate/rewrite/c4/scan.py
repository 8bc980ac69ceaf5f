"""Scan one line of text for C4's rules: its end, its phrases and marks, its words, its last characters."""

from typing import Any

from curate.kernels.characters import LINE_BREAK, SPACE, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.lines import count_chars
from curate.kernels.marks import DOT, NEWLINE
from curate.rewrite.c4.phrases import ENDS_LINE, PAIRS, SECOND_SHIFT, phrase_at

_CARRIAGE_RETURN, _OPEN, _CLOSE = 13, ord("["), ord("]")
_EDIT, _NEEDED = (tuple(mark.encode()) for mark in ("edit]", "citation needed]"))
_END_MARKS = tuple(b".?!\"'")


@kernel
def scan_line(utf8: Any, i: int, end: int, kinds: Any, characters: Any) -> tuple[int, int]:
    """End of the line that starts at byte i, as in `str.splitlines`, and the flags of `phrases` for it."""
    start, seen, before = i, 0, 0
    while i < end:
        kind = kinds[utf8[i]]
        seen |= kind
        hit = (kind & ENDS_LINE) | (before & (kind >> SECOND_SHIFT) & PAIRS)
        before = kind
        if hit:
            if hit & ENDS_LINE and characters[code_point_at(utf8, i)] & LINE_BREAK:
                break
            if hit & PAIRS:
                seen |= phrase_at(utf8, start, i, end, hit)
        i += 1
    return i, seen


@inlined
def after_break(utf8: Any, i: int, end: int) -> int:
    """Position after the line break at byte i; `end` if i is the end of the text."""
    if i == end:
        return end
    if utf8[i] == _CARRIAGE_RETURN and i + 1 < end and utf8[i + 1] == NEWLINE:
        return i + 2
    return i + width_at(utf8, i)


@kernel
def has_words(utf8: Any, i: int, end: int, n: int, characters: Any) -> bool:
    """Whether utf8[i:end], which is stripped, has at least n words separated by white space."""
    n_words = 1 if end > i else 0
    was_space = False
    while n_words < n and i < end:
        is_space = characters[code_point_at(utf8, i)] & SPACE != 0
        n_words += was_space and not is_space
        was_space = is_space
        i += width_at(utf8, i)
    return n_words >= n


@kernel
def has_long_word(utf8: Any, start: int, end: int, max_chars: int, characters: Any) -> bool:
    """Whether utf8[start:end] has a word of more than `max_chars` characters.

    Such a word has more than `max_chars` bytes, so the search jumps ahead from the start of a word and looks back for white space.
    """
    while end - start > max_chars:
        space = start + max_chars
        while space >= start and not _is_space(utf8, space, characters):
            space -= 1
        if space >= start:
            start = space + 1
            continue
        stop = start + max_chars
        while stop < end and not _is_space(utf8, stop, characters):
            stop += 1
        if count_chars(utf8, start, stop) > max_chars:
            return True
        start = stop
    return False


@inlined
def _is_space(utf8: Any, i: int, characters: Any) -> bool:
    """Whether byte i starts white space."""
    return utf8[i] & 0xC0 != 0x80 and characters[code_point_at(utf8, i)] & SPACE != 0


@inlined
def ends_sentence(text: Any, start: int, end: int) -> bool:
    """Whether text[start:end] ends with one of `. ? ! " '`, but not with `...`."""
    if end == start or text[end - 1] not in _END_MARKS:
        return False
    return end - start < 3 or not (text[end - 1] == DOT and text[end - 2] == DOT and text[end - 3] == DOT)


@kernel
def without_citations(utf8: Any, start: int, end: int, digits: Any, clean: Any, n: int) -> tuple[int, int]:
    r"""Write utf8[start:end] without `\[\d*]|\[edit]|\[citation needed]` to `clean` from n on → number of marks removed, end of the output."""
    n_removed, i = 0, start
    while i < end:
        after = _citation_end(utf8, i, end, digits) if utf8[i] == _OPEN else i
        if after > i:
            n_removed += 1
            i = after
        else:
            clean[n] = utf8[i]
            n, i = n + 1, i + 1
    return n_removed, n


@kernel
def _citation_end(utf8: Any, i: int, end: int, digits: Any) -> int:
    """Position after the citation mark that starts at byte i; i if there is none."""
    k = i + 1
    while k < end and digits[code_point_at(utf8, k)]:
        k += width_at(utf8, k)
    if k < end and utf8[k] == _CLOSE:
        return k + 1
    if _starts_with(utf8, i + 1, end, _EDIT):
        return i + 1 + len(_EDIT)
    return i + 1 + len(_NEEDED) if _starts_with(utf8, i + 1, end, _NEEDED) else i


@inlined
def _starts_with(utf8: Any, i: int, end: int, mark: Any) -> bool:
    if i + len(mark) > end:
        return False
    for k in range(len(mark)):  # noqa: SIM110 (kernels have no generators)
        if utf8[i + k] != mark[k]:
            return False
    return True
