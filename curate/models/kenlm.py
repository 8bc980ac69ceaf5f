"""Perplexity of documents under a KenLM n-gram model (Heafield 2011), as cc_net computes it (Wenzek et al. 2020, https://arxiv.org/abs/1911.00359).

A document's perplexity is 10 ** (−log10 p / n) over all its lines, with n the words of each line and one end of line each.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from curate.errors import CurateError
from curate.models.cc_net_text import normalize
from curate.models.recipe import KenlmRecipe
from shards.names import FileName
from shards.record import read_record

CARD = "card.json"
KIND = "kenlm"
FILES = ("model.binary", "model.arpa")
BUCKETS = ("head", "middle", "tail")


class Card(BaseModel):
    """What is read of `card.json`, which `curate fit-kenlm` writes."""

    kind: Literal["kenlm"]
    sentencepiece: FileName | None
    normalize: bool
    lines: Literal["each", "joined"]
    cutoffs: tuple[float, float]


class KenlmModel:
    """An n-gram model with how its words are made of text. `cutoffs`: perplexities that divide head, middle and tail, if known."""

    def __init__(self, file: Path, sentencepiece: Path | None, normalized: bool, lines: str, cutoffs: tuple[float, float] | None) -> None:
        kenlm = _need("kenlm")
        self._normalized, self._lines, self.cutoffs = normalized, lines, cutoffs
        try:
            self._model = kenlm.Model(str(file))
        except (OSError, RuntimeError) as error:
            raise CurateError(f"{file}: KenLM cannot load it ({_first_line(error)})") from None
        self._pieces = None if sentencepiece is None else load_pieces(sentencepiece)

    def perplexity(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string; NaN for a text without any word."""
        found = np.full(len(texts), np.nan)
        score = self._model.score
        for row, text in enumerate(texts.to_pylist()):
            log10, n_words = 0.0, 0
            for line in sentences(text, self._normalized, self._lines, self._pieces):
                log10 += score(line)
                n_words += line.count(" ") + 2
            if n_words:
                found[row] = 10.0 ** (-log10 / n_words)
        return found

    def buckets(self, perplexity: np.ndarray) -> pa.Array:
        """head, middle or tail by the cutoffs, (n_docs,) string; null where there is no perplexity."""
        assert self.cutoffs is not None
        numbers = np.searchsorted(np.array(self.cutoffs), perplexity, side="right")
        return pa.array(BUCKETS, pa.string()).take(pa.array(numbers, mask=np.isnan(perplexity)))


def sentences(text: str, normalized: bool, lines: str, pieces: Any) -> list[str]:
    """What the model scores: words with one blank between them, a string for each line, or one for the whole text; none that is empty."""
    parts = [text] if lines == "joined" else text.split("\n")
    if normalized:
        parts = [normalize(part) for part in parts]
    words = (part.split() if pieces is None else pieces.encode(part, out_type=str) for part in parts)
    return [" ".join(some) for some in words if some]


def load_pieces(path: Path) -> Any:
    """A SentencePiece model. Raises CurateError if it is none."""
    try:
        return _need("sentencepiece").SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise CurateError(f"{path}: SentencePiece cannot load it ({_first_line(error)})") from None


@lru_cache(maxsize=4)
def load_kenlm(recipe: KenlmRecipe) -> KenlmModel:
    """The model of a recipe, with its folder's card where it has one; once per process. Raises CurateError if it cannot be used."""
    file = kenlm_files(recipe)[0]
    card = _card(Path(recipe.path)) if Path(recipe.path).is_dir() else None
    if card is None:
        pieces = None if recipe.sentencepiece is None else Path(recipe.sentencepiece)
        return KenlmModel(file, pieces, recipe.normalize, recipe.lines, recipe.cutoffs)
    pieces = Path(recipe.path) / card.sentencepiece if card.sentencepiece else None
    return KenlmModel(file, pieces, card.normalize, card.lines, recipe.cutoffs or card.cutoffs)


def kenlm_files(recipe: KenlmRecipe) -> list[Path]:
    """The files a model is read from, the n-gram model first. Raises CurateError if one is missing."""
    place = Path(recipe.path)
    if place.is_dir():
        found = [place / name for name in FILES if (place / name).is_file()]
        if not found or not (place / CARD).is_file():
            raise CurateError(f"KenLM model {recipe.path}: no {' or '.join(FILES)} with a {CARD} there; make them with `curate fit-kenlm`, or give a file")
        return [found[0], place / CARD]
    files = [place, *([Path(recipe.sentencepiece)] if recipe.sentencepiece else [])]
    for file in files:
        if not file.is_file():
            raise CurateError(f"KenLM model {recipe.name}: {file}: no such file")
    return files


def _card(folder: Path) -> Card:
    return read_record(folder / CARD, Card, error=CurateError, remedy="make the model again with `curate fit-kenlm`")


def _need(package: str) -> Any:
    try:
        return __import__(package)
    except ImportError:
        raise CurateError(f"perplexity with KenLM needs the package {package}: pip install 'cptkit[kenlm]' (builds with a C++ compiler and cmake)") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
