"""Words of scripts without spaces, by libraries: ICU, jieba, PyThaiNLP's newmm, Sudachi, Kiwi.

Speed in MB (10^6 bytes) per second on one core: icu 6 to 15, newmm 0.9, sudachi 0.9, jieba 0.5, kiwi 0.1. jieba and newmm give the words
of datatrove for Chinese and Thai; Sudachi those for Japanese, except where datatrove cuts a text of more than 40,000 bytes inside a word.
datatrove's model of Kiwi is no longer published.

Some libraries take quadratic time. To keep time linear, jieba gets runs without punctuation in pieces of _JIEBA_CHARS, Kiwi runs without
white space in pieces of _KIWI_CHARS, and newmm texts in pieces of _NEWMM_CHARS. Ordinary text has no such runs.
"""

import logging
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from curate.errors import CurateError
from curate.kernels.long_runs import cut_runs, long_runs
from curate.words.spans import words_of_spans
from curate.words.split import Words

Segment = Callable[[str], np.ndarray]
"""Text → (n_words, 2) int64: start and end character of each word, in order. Words may have white space at their ends, and Kiwi's may share
a syllable."""

_JIEBA_CHARS = 1_000
"""jieba's search for unknown words copies all earlier results for each character."""
_JIEBA_RUN = r"\u4E00-\u9FD5a-zA-Z0-9+#&\._%\-"
"""Characters passed to jieba at a time."""

_NEWMM_CHARS = 1 << 18
"""newmm copies the rest of the text every hundred characters."""

_KIWI_CHARS = 1_000
"""Characters without white space; Kiwi's time is quadratic in some such runs."""

_SUDACHI_CHARS = 12_000
"""Sudachi accepts at most 49,149 bytes; a character has up to four in UTF-8."""


class Library(NamedTuple):
    """A kind of splitter: its languages, the distribution to install, and its constructor."""

    languages: tuple[str, ...]
    """Empty: any language."""
    package: str
    make: Callable[[str], Segment]


class LibrarySplitter:
    """`split` and `split_block` as in `WordSplitter`. `name` is a library and a language: `icu:th`, `jieba:zh`.

    Raises CurateError for an unknown name and for a library that is not installed.
    """

    def __init__(self, name: str):
        self.name = name
        self._segment = _segmenter(name)

    def split(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Words of the documents utf8[offsets[d] : offsets[d + 1]]; `utf8` (n_bytes,) uint8, `offsets` (n_docs + 1,) int64."""
        data = memoryview(utf8.data)
        counts, found = [0], []
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            spans = self._segment(str(data[start:end], "utf-8"))
            found.append(start + _byte_places(utf8[start:end])[spans])
            counts.append(len(spans))
        joined = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
        return words_of_spans(utf8, np.cumsum(counts), np.ascontiguousarray(joined[:, 0]), np.ascontiguousarray(joined[:, 1]))

    def split_block(self, utf8: np.ndarray, offsets: np.ndarray) -> Words:
        """Same as `split`."""
        return self.split(utf8, offsets)


def _byte_places(utf8: np.ndarray) -> np.ndarray:
    """Start byte of each character, and the end."""
    return np.append(np.flatnonzero(utf8 & 0xC0 != 0x80), len(utf8))


def _spans(parts: Iterable[str]) -> np.ndarray:
    """Spans of parts that together are the whole text."""
    ends = np.cumsum(np.fromiter(map(len, parts), np.int64))
    return np.stack([np.append(0, ends[:-1]), ends], axis=1) if len(ends) else np.zeros((0, 2), np.int64)


def _icu(language: str) -> Segment:
    from icu4py.breakers import WordBreaker

    return lambda text: _spans(WordBreaker(text, language))


def _jieba(language: str) -> Segment:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    runs = long_runs(_JIEBA_RUN, _JIEBA_CHARS)
    return lambda text: _spans(word for piece in cut_runs(text, runs) for word in jieba.cut(piece))


def _newmm(language: str) -> Segment:
    from pythainlp.tokenize import word_tokenize

    def segment(text: str) -> np.ndarray:
        return _spans(word for _, piece in _pieces(text, _NEWMM_CHARS) for word in word_tokenize(piece, engine="newmm-safe", keep_whitespace=True))

    return segment


def _sudachi(language: str) -> Segment:
    from sudachipy import Dictionary, SplitMode

    tokenizer = Dictionary().tokenizer(mode=SplitMode.A)

    def segment(text: str) -> np.ndarray:
        words = [(shift + word.begin(), shift + word.end()) for shift, piece in _pieces(text, _SUDACHI_CHARS) for word in tokenizer.tokenize(piece)]
        return np.array(words, np.int64).reshape(-1, 2)

    return segment


def _pieces(text: str, n_chars: int) -> Iterable[tuple[int, str]]:
    """Pieces of at most `n_chars` with their start, cut at line ends where possible."""
    start = 0
    while start < len(text):
        end = start + n_chars
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield start, text[start:end]
        start = end


def _kiwi(language: str) -> Segment:
    from kiwipiepy import Kiwi

    kiwi, long_number, runs = Kiwi(num_workers=1), re.compile("[0-9,]{20,}"), long_runs(r"\S", _KIWI_CHARS)

    def segment(text: str) -> np.ndarray:
        # Kiwi is very slow on very long numbers; blanks of the same length keep the positions of other words.
        text = long_number.sub(lambda found: " " * len(found[0]), text)
        words, shift = [], 0
        for piece in cut_runs(text, runs):
            words += [(shift + token.start, shift + token.end) for token in kiwi.tokenize(piece)]
            shift += len(piece)
        return np.array(words, np.int64).reshape(-1, 2)

    return segment


LIBRARIES = {
    "icu": Library((), "icu4py", _icu),
    "jieba": Library(("zh",), "jieba", _jieba),
    "newmm": Library(("th",), "pythainlp", _newmm),
    "sudachi": Library(("ja",), "sudachipy sudachidict-core", _sudachi),
    "kiwi": Library(("ko",), "kiwipiepy", _kiwi),
}


@cache
def _segmenter(name: str) -> Any:
    """One instance per process, since they load dictionaries."""
    kind, _, language = name.partition(":")
    library = LIBRARIES[kind]
    if not language or (library.languages and language not in library.languages):
        raise CurateError(f"words {name}: expected {kind}:{' or '.join(library.languages) or 'LANGUAGE, as in icu:th'}")
    try:
        return library.make(language)
    except ImportError:
        raise CurateError(f"words {name}: needs {library.package}; pip install 'cptkit[languages]'") from None
