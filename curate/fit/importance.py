"""`curate fit-importance`: target and raw text in, DSIR's log ratio of each bucket out."""

from pathlib import Path
from typing import Any

import numpy as np

from curate.fit.examples import read_texts
from curate.fit.recipe import ImportanceFitRecipe
from curate.models.importance import count_ngrams, divergence, log_ratio, save_importance


def fit_importance(recipe: ImportanceFitRecipe, out: Path) -> dict[str, Any]:
    """Count, compare, write the folder. Returns its card's figures. Raises CurateError for inputs that cannot be read or hold no words."""
    target, n_target = count_ngrams(read_texts(recipe.target, recipe.text_column), recipe.buckets, recipe.ngrams)
    raw, n_raw = count_ngrams(read_texts(recipe.raw, recipe.text_column), recipe.buckets, recipe.ngrams, recipe.max_raw_ngrams)
    ratio = log_ratio(target, raw)
    figures = {
        "target": {"texts": n_target, "ngrams": int(target.sum())},
        "raw": {"texts": n_raw, "ngrams": int(raw.sum())},
        "kl_raw_from_target": divergence(raw, target),
        "largest_log_ratio": float(np.abs(ratio).max()),
    }
    save_importance(out, ratio, recipe.ngrams, {**figures, "recipe": recipe.model_dump(mode="json")})
    return figures
