"""What single documents say about a difference: how many became worse, which moves the result most, where most was gained and lost."""

from typing import Any

import numpy as np

from eval.recipe import EvaluateRecipe
from eval.statistics.differences import BITS, ratio_interval
from eval.statistics.proportions import wilson_interval
from eval.summary.compared import Pair, Side
from eval.summary.rows import Row
from eval.summary.scored import ScoredDomain

N_SHOWN = 5
_SHOWN_CHARACTERS = 80


def document_facts(domain: ScoredDomain, pair: Pair, recipe: EvaluateRecipe) -> Row:
    """`worsened`: share of documents that take more bits than before, with its interval. `influential`: the document without which the difference
    would change most."""
    base, new = (mean_nats(domain, side) for side in (pair.base, pair.new))
    return {"worsened": _worsened(new > base, domain, recipe), "influential": _influential(domain, base, new)}


def extremes(domain: ScoredDomain, pair: Pair) -> Row:
    """The documents that took most bits more and less than before: `worst` and `best`, each at most N_SHOWN, the largest change first."""
    base, new = (mean_nats(domain, side) for side in (pair.base, pair.new))
    order = np.argsort(new - base, kind="stable")
    facts = {"model": pair.new.name, "against": pair.base.name, "domain": domain.name}
    worst = [row for row in order[::-1][:N_SHOWN] if new[row] > base[row]]
    best = [row for row in order[:N_SHOWN] if new[row] < base[row]]
    return facts | {name: [_document(domain, int(row), base, new) for row in rows] for name, rows in (("worst", worst), ("best", best))}


def mean_nats(domain: ScoredDomain, side: Side) -> np.ndarray:
    """Nats of each document, (n_docs,) float64: the mean over the runs of a recipe."""
    return np.mean([domain.models[model].nats for model in side.models], axis=0)


def _worsened(is_worse: np.ndarray, domain: ScoredDomain, recipe: EvaluateRecipe) -> Row:
    share, n = float(is_worse.mean()), len(is_worse)
    if share in (0.0, 1.0):  # no resample differs; Wilson's interval still has a width
        n_clusters = len(np.unique(domain.clustering.labels))
        low, high = wilson_interval(int(share * n_clusters), n_clusters)
    else:
        values = np.column_stack([is_worse, np.ones(n)]).astype(np.float64)
        interval = ratio_interval(values, clusters=domain.clustering.labels, scale=1.0, n_resamples=recipe.n_resamples, seed=recipe.seed)
        low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    return {"share": share, "documents": int(is_worse.sum()), "low": low, "high": high}


def _influential(domain: ScoredDomain, base: np.ndarray, new: np.ndarray) -> Row | None:
    """The document whose removal changes the difference most; None if only one document has text."""
    change, n_bytes = new - base, domain.n_bytes
    rest = n_bytes.sum() - n_bytes
    if not rest.all():
        return None
    without = (change.sum() - change) / rest * BITS
    shifts = without - change.sum() / n_bytes.sum() * BITS
    row = int(np.argmax(np.abs(shifts)))
    return _document(domain, row, base, new) | {"delta_without": float(without[row])}


def _document(domain: ScoredDomain, row: int, base: np.ndarray, new: np.ndarray) -> dict[str, Any]:
    sample, n_bytes = domain.held_out.sample, int(domain.n_bytes[row])
    text = " ".join(sample.texts[row][: 4 * _SHOWN_CHARACTERS].split())[:_SHOWN_CHARACTERS]
    bits = {"before": float(base[row] / n_bytes * BITS), "after": float(new[row] / n_bytes * BITS)}
    return {"doc_id": sample.ids[row].hex(), "text": text, "bytes": n_bytes, **bits}
