"""Metrics of a classifier on held-out examples: curves, areas under them, thresholds, calibration, confusion.

A document counts as positive if its score is at least the threshold.
"""

from typing import NamedTuple

import numpy as np

N_BINS = 10


class Curve(NamedTuple):
    """One point per distinct score, in descending order; each field is (n_points,) float64.

    `kept` is the share of all examples, negatives and positives, that reach the threshold.
    """

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    false_positive_rate: np.ndarray
    kept: np.ndarray

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall; 0 if both are 0."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0)


def curve(scores: np.ndarray, positive: np.ndarray) -> Curve:
    """Curve of `scores (n,) float` and `positive (n,) bool`. Needs one positive and one negative."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # one point for equal scores
    true = np.cumsum(hits)[last].astype(np.float64)
    taken = last + 1.0
    n_positive = float(hits.sum())
    return Curve(ranked[last].astype(np.float64), true / taken, true / n_positive, (taken - true) / (len(hits) - n_positive), taken / len(hits))


def roc_auc(points: Curve) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative; ties count half."""
    return float(np.trapezoid(np.append(0.0, points.recall), np.append(0.0, points.false_positive_rate)))


def pr_auc(points: Curve) -> float:
    """Average precision: the mean of precision over positives, without interpolation."""
    return float(np.sum(np.diff(points.recall, prepend=0.0) * points.precision))


def best_f1(points: Curve) -> int:
    """Index of the point with the largest F1; on ties, the one with the highest threshold."""
    return int(points.f1.argmax())


def least_with_precision(points: Curve, precision: float) -> int | None:
    """Index of the lowest threshold with at least this precision; None if there is none."""
    indices = np.flatnonzero(points.precision >= precision)
    return int(indices[-1]) if len(indices) else None


def most_with_recall(points: Curve, recall: float) -> int:
    """Index of the highest threshold with at least this recall."""
    return int(np.flatnonzero(points.recall >= recall)[0])


def most_with_kept(points: Curve, share: float) -> int:
    """Index of the highest threshold that keeps at least this share of the negatives, which stand for raw text."""
    return int(np.flatnonzero(points.false_positive_rate >= share)[0])


def at(points: Curve, threshold: float) -> dict[str, float]:
    """Precision, recall, F1 and share kept at any threshold. Above all scores, precision is NaN and the others are 0."""
    index = int(np.searchsorted(-points.threshold, -threshold, side="right")) - 1
    if index < 0:
        return {"threshold": threshold, "precision": float("nan"), "recall": 0.0, "f1": 0.0, "kept": 0.0}
    return {
        "threshold": threshold,
        "precision": float(points.precision[index]),
        "recall": float(points.recall[index]),
        "f1": float(points.f1[index]),
        "kept": float(points.kept[index]),
    }


def calibration(scores: np.ndarray, positive: np.ndarray) -> list[dict[str, float]]:
    """Non-empty bins of N_BINS equal ones over [0, 1]: `low`, `high`, `n`, mean score, share of positives."""
    bins = np.minimum((np.clip(scores, 0, 1) * N_BINS).astype(np.int64), N_BINS - 1)
    table = []
    for index in np.unique(bins):
        inside = bins == index
        mean, share = float(scores[inside].mean()), float(positive[inside].mean())
        table.append({"low": index / N_BINS, "high": (index + 1) / N_BINS, "n": int(inside.sum()), "mean_score": mean, "share_positive": share})
    return table


def calibration_error(table: list[dict[str, float]]) -> float:
    """Expected calibration error: mean distance between a bin's mean score and its share of positives, weighted by bin size."""
    total = sum(row["n"] for row in table)
    return sum(row["n"] * abs(row["mean_score"] - row["share_positive"]) for row in table) / total


def confusion(truth: np.ndarray, guess: np.ndarray, n_classes: int) -> np.ndarray:
    """(n_classes, n_classes) int64: true class by row, most likely class by column. `truth` and `guess` are (n,) int64."""
    return np.bincount(truth * n_classes + guess, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def by_class(table: np.ndarray) -> list[dict[str, float]]:
    """Precision, recall, F1 and number of examples per class of a confusion table. Precision is 0 for a class that is never guessed."""
    rows = []
    for index in range(len(table)):
        hit, guessed, true = float(table[index, index]), float(table[:, index].sum()), float(table[index].sum())
        precision, recall = (hit / guessed if guessed else 0.0), (hit / true if true else 0.0)
        rows.append({"n": int(true), "precision": precision, "recall": recall, "f1": 2 * hit / (guessed + true) if guessed + true else 0.0})
    return rows
