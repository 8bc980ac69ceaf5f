"""Answers that their source bears out."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import regex
from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection

_WORDS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[\p{L}\p{M}]+|\p{N}+(?:[.,]\p{N}+)*")
_LEAST_LETTERS = 4
_ENCODER_TOKENS = 512


class SupportedGate(Gate):
    """How much of a text its passages hold: by words or n-grams, by numbers, and by meaning where an embedding model is given.

    Overlap is a cheap witness: it catches answers from nowhere, not answers that turn the source's words round.
    """

    kind: Literal["supported"]
    fields: tuple[str, ...] = ()
    """Fields of the items to judge, e.g. [answer]; empty: the whole text."""
    n: Annotated[int, Field(ge=1)] = 1
    """Words of an n-gram. With 1, words of fewer than four letters are left out. Han, kana and Thai characters count as words."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least share of n-grams that stand in the passages, case ignored. Default ours."""
    numbers: bool = True
    """Every number of two digits or more must stand in the passages too."""
    embedder: str | None = None
    """Folder of a sentence embedding model."""
    min_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.5
    """Least cosine of the text and the most similar of its passages. Default ours."""

    def check(self) -> None:
        """See `Gate.check`."""
        if self.embedder is not None:
            _embedder(self.embedder)

    def files(self) -> Sequence[Path]:
        """See `Gate.files`."""
        return sorted(path for path in Path(self.embedder).iterdir() if path.is_file()) if self.embedder else ()

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """The first of share, numbers, similarity that a candidate falls short of. Texts without an n-gram pass. Raises CurateError for an unknown field."""
        told = [self._judge(candidate) for candidate in candidates]
        if self.embedder is None:
            return told
        return [one or self._by_meaning(candidate) for one, candidate in zip(told, candidates, strict=True)]

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
            return [(word,) for word in words if len(word) >= _LEAST_LETTERS or not word.isascii()]
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
