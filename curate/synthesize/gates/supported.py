"""Rejects answers that their source does not support."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import regex
from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, field_text
from curate.synthesize.types import Candidate, Rejection

_WORDS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[\p{L}\p{M}]+|\p{N}+(?:[.,]\p{N}+)*")
_MIN_LETTERS = 4
_ENCODER_TOKENS = 512


class SupportedGateRecipe(GateRecipe):
    """Measures how much of a text its passages contain: words or n-grams, numbers and, with an embedding model, meaning.

    Overlap is a cheap test: it catches answers that are not in the source, but not answers that reverse what the source says.
    """

    kind: Literal["supported"]
    fields: tuple[str, ...] = ()
    """Fields of the items to judge, e.g. [answer]; empty: the whole text."""
    n: Annotated[int, Field(ge=1)] = 1
    """Words per n-gram. With 1, words of fewer than four letters are left out. Han, kana and Thai characters count as words."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Minimum share of n-grams that occur in the passages, case-insensitively. Default: our choice."""
    numbers: bool = True
    """Every number of two digits or more must also occur in the passages."""
    embedder: str | None = None
    """Folder of a sentence embedding model."""
    min_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.5
    """Minimum cosine similarity between the text and its most similar passage. Default: our choice."""

    def check(self) -> None:
        """See `GateRecipe.check`."""
        if self.embedder is not None:
            _embedder(self.embedder)

    def files(self) -> Sequence[Path]:
        """See `GateRecipe.files`."""
        return sorted(path for path in Path(self.embedder).iterdir() if path.is_file()) if self.embedder else ()

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject with the first failed test of share, numbers and similarity. Texts without n-grams pass. Raises CurateError for an unknown field."""
        rejections = [self._judge(candidate) for candidate in candidates]
        if self.embedder is None:
            return rejections
        return [rejection or self._by_meaning(candidate) for rejection, candidate in zip(rejections, candidates, strict=True)]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        words, source = _WORDS.findall(field_text(candidate, self.fields).casefold()), " ".join(candidate.passages).casefold()
        source_words = _WORDS.findall(source)
        grams, known = self._grams(words), set(self._grams(source_words))
        share = sum(gram in known for gram in grams) / len(grams) if grams else 1.0
        if share < self.min_share:
            return Rejection("supported/not_in_source", share, self.min_share)
        new = [word for word in words if self.numbers and word[0].isnumeric() and len(word) > 1 and word not in source_words]
        return Rejection("supported/new_number", detail=", ".join(dict.fromkeys(new))) if new else None

    def _grams(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        if self.n == 1:
            return [(word,) for word in words if len(word) >= _MIN_LETTERS or not word.isascii()]
        return [tuple(words[start : start + self.n]) for start in range(len(words) - self.n + 1)]

    def _by_meaning(self, candidate: Candidate) -> Rejection | None:
        assert self.embedder is not None
        vectors = _embedder(self.embedder).embed([field_text(candidate, self.fields), *candidate.passages])
        units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        similarity = float((units[1:] @ units[0]).max())
        return Rejection("supported/other_meaning", similarity, self.min_similarity) if similarity < self.min_similarity else None


@lru_cache(maxsize=2)
def _embedder(folder: str) -> Any:
    from curate.models.embed import load_embedder

    return load_embedder(folder, _ENCODER_TOKENS)
