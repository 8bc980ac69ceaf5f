"""`curate fit-importance`: DSIR's log ratios of hashed n-grams, from target and raw text (Xie et al. 2023, https://arxiv.org/abs/2302.03169).

Both texts become bags of hashed words and word pairs. 1e-8 is added to each probability, as in the authors' package.
"""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.errors import CurateError
from curate.fit.examples import read_texts
from curate.fit.recipe import ImportanceFitRecipe
from curate.models.importance import CARD, TABLE, ImportanceModel
from shards.folder import output_folder, remove_recorded, write_owned
from shards.record import sealed

_SMOOTHING = 1e-8


def fit_importance(recipe: ImportanceFitRecipe, out: Path) -> dict[str, Any]:
    """Write `log_ratio.npy` and `card.json` into `out`. Returns the card's figures. Raises CurateError for unreadable inputs, or text without words."""
    target, n_target = count_ngrams(read_texts(recipe.target, recipe.text_column), recipe.buckets, recipe.ngrams)
    raw, n_raw = count_ngrams(read_texts(recipe.raw, recipe.text_column), recipe.buckets, recipe.ngrams, recipe.max_raw_ngrams)
    ratio = log_ratio(target, raw)
    figures = {
        "target": {"texts": n_target, "ngrams": int(target.sum())},
        "raw": {"texts": n_raw, "ngrams": int(raw.sum())},
        "kl_raw_from_target": divergence(raw, target),
        "largest_log_ratio": float(np.abs(ratio).max()),
    }
    _save(out, ratio, recipe.ngrams, {**figures, "recipe": recipe.model_dump(mode="json")})
    return figures


def count_ngrams(texts: Iterable[pa.Array], buckets: int, ngrams: int, most: int | None = None) -> tuple[np.ndarray, int]:
    """N-grams per bucket, (buckets,) int64, and number of texts. Stops after the array of texts that reaches `most` n-grams."""
    model = ImportanceModel(np.zeros(buckets), ngrams)
    n_texts = 0
    for column in texts:
        model.weigh(column)
        n_texts += len(column)
        if most is not None and model.counts.sum() >= most:
            break
    return model.counts, n_texts


def log_ratio(target: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """log(p_target + 1e-8) − log(p_raw + 1e-8) of bucket counts (n_buckets,) int64. Raises CurateError if one side has no n-grams."""
    if not target.sum() or not raw.sum():
        raise CurateError(f"importance weights: the {'target' if not target.sum() else 'raw'} text has no words")
    return np.log(target / target.sum() + _SMOOTHING) - np.log(raw / raw.sum() + _SMOOTHING)


def divergence(counts: np.ndarray, target: np.ndarray) -> float:
    """KL(counts ‖ target) of bucket counts (n_buckets,) int64, in nats, smoothed like the weights: DSIR's distance of a selection from the target."""
    p, q = counts / counts.sum() + _SMOOTHING, target / target.sum() + _SMOOTHING
    return float(np.sum(p * (np.log(p) - np.log(q))))


def _save(folder: Path, ratio: np.ndarray, ngrams: int, card: dict[str, object]) -> None:
    card = {"kind": "dsir_weights", "ngrams": ngrams, "buckets": len(ratio), **card}
    table = io.BytesIO()
    np.save(table, ratio)
    with output_folder(folder, (CARD, TABLE)):
        remove_recorded(folder, CARD)
        write_owned(folder / TABLE, table.getvalue())
        write_owned(folder / CARD, sealed(card))  # last: a folder with a card is complete
