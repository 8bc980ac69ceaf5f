"""Perplexity of documents under a KenLM n-gram model (Heafield 2011), as cc_net computes it (Wenzek et al. 2020, https://arxiv.org/abs/1911.00359).

A document's perplexity is 10 ** (−log10 p / n) over all its lines, where n counts the words and one end of line per line.
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
FILES = ("model.binary", "model.arpa")
BUCKETS = ("head", "middle", "tail")


class KenlmCard(BaseModel):
    """The keys read from `card.json`, which `curate fit-kenlm` writes."""

    kind: Literal["kenlm"]
    sentencepiece: FileName | None
    normalize: bool
    lines: Literal["each", "joined"]
    cutoffs: tuple[float, float]


class KenlmModel:
    """An n-gram model, and how text becomes its words. `cutoffs`: perplexities between head, middle and tail, if known."""

    def __init__(self, file: Path, sentencepiece: Path | None, normalized: bool, lines: str, cutoffs: tuple[float, float] | None) -> None:
        kenlm = _require("kenlm")
        self._normalized, self._lines, self.cutoffs = normalized, lines, cutoffs
        try:
            self._model = kenlm.Model(str(file))
        except (OSError, RuntimeError) as error:
            raise CurateError(f"{file}: KenLM cannot load it ({_first_line(error)})") from None
        self._pieces = None if sentencepiece is None else load_pieces(sentencepiece)

    def perplexity(self, texts: pa.Array) -> np.ndarray:
        """(n_docs,) float64 of (n_docs,) large_string; NaN for a text without words."""
        perplexity = np.full(len(texts), np.nan)
        score = self._model.score
        for row, text in enumerate(texts.to_pylist()):
            log10, n_words = 0.0, 0
            for line in sentences(text, self._normalized, self._lines, self._pieces):
                log10 += score(line)
                n_words += line.count(" ") + 2
            if n_words:
                perplexity[row] = 10.0 ** (-log10 / n_words)
        return perplexity

    def buckets(self, perplexity: np.ndarray) -> pa.Array:
        """head, middle or tail by the cutoffs, (n_docs,) string; null for NaN."""
        assert self.cutoffs is not None
        numbers = np.searchsorted(np.array(self.cutoffs), perplexity, side="right")
        return pa.array(BUCKETS, pa.string()).take(pa.array(numbers, mask=np.isnan(perplexity)))


def sentences(text: str, normalized: bool, lines: str, pieces: Any) -> list[str]:
    """Strings that the model scores: space-separated words, one string per line or one for the whole text; empty ones are dropped."""
    parts = [text] if lines == "joined" else text.split("\n")
    if normalized:
        parts = [normalize(part) for part in parts]
    words = (part.split() if pieces is None else pieces.encode(part, out_type=str) for part in parts)
    return [" ".join(sentence) for sentence in words if sentence]


def load_pieces(path: Path) -> Any:
    """Load a SentencePiece model. Raises CurateError if the file is not one."""
    try:
        return _require("sentencepiece").SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise CurateError(f"{path}: SentencePiece cannot load it ({_first_line(error)})") from None


@lru_cache(maxsize=4)
def load_kenlm(recipe: KenlmRecipe) -> KenlmModel:
    """The model of a recipe, loaded once per process. A folder's card overrides the recipe, except for cutoffs. Raises CurateError if it cannot be used."""
    file = kenlm_files(recipe)[0]
    card = _card(Path(recipe.path)) if Path(recipe.path).is_dir() else None
    if card is None:
        pieces = None if recipe.sentencepiece is None else Path(recipe.sentencepiece)
        return KenlmModel(file, pieces, recipe.normalize, recipe.lines, recipe.cutoffs)
    pieces = Path(recipe.path) / card.sentencepiece if card.sentencepiece else None
    return KenlmModel(file, pieces, card.normalize, card.lines, recipe.cutoffs or card.cutoffs)


def kenlm_files(recipe: KenlmRecipe) -> list[Path]:
    """Files of a model, the n-gram model first. Raises CurateError if one is missing."""
    path = Path(recipe.path)
    if path.is_dir():
        models = [path / name for name in FILES if (path / name).is_file()]
        if not models or not (path / CARD).is_file():
            raise CurateError(f"KenLM model {recipe.path}: no {' or '.join(FILES)} with a {CARD} in it; make them with `curate fit-kenlm`, or give a file")
        return [models[0], path / CARD]
    files = [path, *([Path(recipe.sentencepiece)] if recipe.sentencepiece else [])]
    for file in files:
        if not file.is_file():
            raise CurateError(f"KenLM model {recipe.name}: {file}: no such file")
    return files


def _card(folder: Path) -> KenlmCard:
    return read_record(folder / CARD, KenlmCard, error=CurateError, remedy="make the model again with `curate fit-kenlm`")


def _require(package: str) -> Any:
    try:
        return __import__(package)
    except ImportError:
        raise CurateError(f"perplexity with KenLM needs the package {package}: pip install 'cptkit[kenlm]' (builds with a C++ compiler and cmake)") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
