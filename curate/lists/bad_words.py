"""Counts listed words in documents by C4's rule (Raffel et al. 2020; the lists are LDNOOBW's): lower-cased, not next to a letter, digit or _."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash

from curate.errors import CurateError
from curate.kernels.buffers import frozen, text_buffers
from curate.kernels.kernel import kernel
from curate.lists.files import read_lines
from curate.lists.hashes import WordSet, extended, has, word_set
from curate.lists.recipe import BadWordsRecipe
from curate.words.simplify import decode

ALLOWED = frozenset({"sm", "グロ", "女の子", "性"})
"""Entries of LDNOOBW that C4 leaves out: common parts of Japanese and Chinese words, which alone would drop over a tenth of the documents."""


class BadWords:
    """Word lists by language. Raises CurateError if there is no list at the path."""

    def __init__(self, recipe: BadWordsRecipe) -> None:
        path = Path(recipe.path)
        files = {file.name.removesuffix(".txt"): file for file in list_files(recipe.path)}
        if not path.is_dir():
            files = {recipe.language or "": path}
        self._lists = {language: word_set(sorted({line.lower() for line in read_lines(str(file))} - ALLOWED)) for language, file in files.items()}
        self._fixed = recipe.language if path.is_dir() else next(iter(files))
        self._unflanked = frozenset(recipe.unflanked)
        if self._fixed is not None and self._fixed not in self._lists:
            raise CurateError(f"lists.bad_words: {recipe.path} has no list {self._fixed}; its lists: {', '.join(sorted(self._lists))}")

    def count(self, texts: pa.Array, languages: pa.Array) -> pa.Array:
        """Number of positions in each text at which a listed word or phrase occurs, (n,) int64; null where its language has no list.

        `languages` (n,) strings. If a code such as `eng_Latn` or `pt-BR` has no list, the part before `_` or `-` is used.
        """
        chosen = pl.Series(languages, dtype=pl.String) if self._fixed is None else pl.Series([self._fixed]).new_from_index(0, len(texts))
        chosen = pl.select(pl.when(chosen.is_in(list(self._lists))).then(chosen).otherwise(chosen.str.extract(r"^([^_\-]*)", 1))).to_series()
        counts, has_list = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
        for language in sorted(set(chosen.unique().drop_nulls()) & set(self._lists)):
            rows = (chosen == language).fill_null(False).to_numpy()
            counts[rows] = count_words(texts.filter(pa.array(rows)), self._lists[language], language not in self._unflanked)
            has_list |= rows
        return pa.array(counts, mask=~has_list)


def list_files(path: str) -> list[Path]:
    """The files of a folder of lists, sorted, or the one file. Raises CurateError if there are none."""
    root = Path(path)
    files = (
        sorted(file for file in root.iterdir() if file.is_file() and file.suffix in ("", ".txt") and file.name.upper() != "LICENSE")
        if root.is_dir()
        else [root]
    )
    if not files or not files[0].is_file():
        raise CurateError(f"lists.bad_words: no lists at {path}; set it to a folder with one file per language, or to one file")
    return files


def count_words(texts: pa.Array, words: WordSet, flanked: bool) -> np.ndarray:
    """Number of positions in each text at which a word of the set occurs, (n,) int64. `flanked`: not next to a letter, digit or _."""
    small = pl.Series(texts, dtype=pl.String).str.to_lowercase().to_arrow(compat_level=pl.CompatLevel.oldest())
    utf8, offsets = (frozen(array) for array in text_buffers(small))
    counts = np.zeros(len(texts), np.int64)
    _count(utf8, offsets, words, flanked, word_characters(), counts)
    return counts


@cache
def word_characters() -> np.ndarray:
    r"""Whether a code point is one of Python's \w, (0x110000,) bool."""
    return frozen(np.array([chr(point).isalnum() or point == 95 for point in range(0x110000)]))


@kernel
def _count(utf8: Any, offsets: Any, words: Any, flanked: bool, is_word: Any, counts: Any) -> None:
    for doc in range(len(offsets) - 1):
        at, stop, inside = offsets[doc], offsets[doc + 1], False
        while at < stop:
            if not (flanked and inside) and (at + 1 >= stop or words.pairs[np.int64(utf8[at]) << 8 | utf8[at + 1]]):
                counts[doc] += _stands(utf8, at, stop, words, flanked, is_word)
            if utf8[at] < 0x80:
                inside = is_word[utf8[at]]
                at += 1
            else:
                point, width = decode(utf8, at)
                inside = is_word[point]
                at += width


@kernel
def _stands(utf8: Any, begin: int, stop: int, words: Any, flanked: bool, is_word: Any) -> Any:
    """Whether a word of the set begins at byte `begin` and, with `flanked`, ends before a character outside \\w."""
    value = np.uint64(0)
    for at in range(begin, stop):
        value = extended(value, utf8[at])
        if not has(words.beginnings, value):
            return False
        if has(words.words, value) and (not flanked or at + 1 == stop or not is_word[decode(utf8, at + 1)[0]]):
            return True
    return False


def draws(texts: pa.Array, counts: pa.Array) -> pa.Array:
    """A number in [0, 1) for each text with a listed word, a hash of the text; null for other texts. Used to keep a share of them."""
    numbers = [
        xxhash.xxh3_64_intdigest(text.as_py().encode(), seed=1) / 2**64 if count else None for text, count in zip(texts, counts.to_pylist(), strict=True)
    ]
    return pa.array(numbers, pa.float64())
