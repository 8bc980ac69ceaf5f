"""Report on a classifier's held-out examples, as JSON and as Markdown."""

from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.fit import metrics
from curate.fit.recipe import AimRecipe

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
N_WORDS = 20
_MIN_WORD_COUNT = 5


def measure(scores: np.ndarray, truth: np.ndarray, labels: tuple[str, ...], positive: int, aim: AimRecipe) -> dict[str, Any]:
    """Figures of the report from `scores (n, n_labels) float32` and `truth (n,) int64`. Raises CurateError if no threshold meets the aim."""
    guess = scores.argmax(axis=1)
    table = metrics.confusion(truth, guess, len(labels))
    classes = metrics.by_class(table)
    for number, row in enumerate(classes):
        points = metrics.curve(scores[:, number], truth == number)
        row |= {"roc_auc": metrics.roc_auc(points), "pr_auc": metrics.pr_auc(points)}
    points = metrics.curve(scores[:, positive], truth == positive)
    calibration = metrics.calibration(scores[:, positive], truth == positive)
    return {
        "held_out": len(truth),
        "accuracy": float((guess == truth).mean()),
        "largest_class": float(np.bincount(truth).max() / len(truth)),
        "macro_f1": float(np.mean([row["f1"] for row in classes])),
        "classes": {name: row for name, row in zip(labels, classes, strict=True)},
        "confusion": table.tolist(),
        "roc_auc": metrics.roc_auc(points),
        "pr_auc": metrics.pr_auc(points),
        "thresholds": [metrics.at(points, threshold) for threshold in THRESHOLDS if threshold <= points.threshold[0]],
        "chosen": _chosen(points, aim),
        "calibration": calibration,
        "calibration_error": metrics.calibration_error(calibration),
    }


def influential_words(model: Any, labels: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The N_WORDS words that favour each label most.

    `word`, `count` in training, `logit`: of a text of that word alone, minus the mean logit of the other labels. Words seen fewer than five
    times are left out, and so are n-grams of words, of which fastText stores only hashes.
    """
    words, counts = model.get_words(include_freq=True)
    frequent = [index for index, count in enumerate(counts) if count >= _MIN_WORD_COUNT and words[index] != "</s>"]
    if not frequent:
        return {label.removeprefix("__label__"): [] for label in labels}
    vectors = np.stack([model.get_word_vector(words[index]) for index in frequent])
    outputs = model.get_output_matrix()
    known = model.get_labels()
    influence = {}
    for label in labels:
        own = known.index(label)
        logits = vectors @ (outputs[own] - np.delete(outputs, own, axis=0).mean(axis=0))
        strongest = np.argsort(-logits, kind="stable")[:N_WORDS]
        influence[label.removeprefix("__label__")] = [
            {"word": words[frequent[index]], "count": int(counts[frequent[index]]), "logit": round(float(logits[index]), 3)} for index in strongest
        ]
    return influence


def markdown(report: dict[str, Any], out: Path) -> str:
    """The report in Markdown, with lines to paste into a recipe and a rule set."""
    name = out.name.replace("-", "_").replace(".", "_").lower()
    positive, chosen = report["positive"], report["chosen"]
    parts = [
        f"# fastText classifier `{name}`",
        f"{report['held_out']} held-out examples. Accuracy {report['accuracy']:.3f} (always the largest class: {report['largest_class']:.3f}), "
        f"macro F1 {report['macro_f1']:.3f}. Model: {report['model']['file']}, {report['model']['n_bytes'] / 1e6:.1f} MB.",
        _table(("class", "given", "train", "held out", "precision", "recall", "F1", "ROC AUC", "PR AUC"), _class_rows(report)),
        f"## Confusion: true class by row, most likely class by column\n\n{_confusion(report)}",
        f"## Thresholds for `{positive}`\n\nROC AUC {report['roc_auc']:.3f}, PR AUC {report['pr_auc']:.3f}. Chosen for {chosen['aim']}: "
        f"**{chosen['threshold']:.6g}** (precision {chosen['precision']:.3f}, recall {chosen['recall']:.3f}).",
        _table(("threshold", "precision", "recall", "F1", "kept"), [_numbers(row) for row in report["thresholds"]]),
        f"## Calibration of `{positive}`\n\nExpected calibration error {report['calibration_error']:.3f}, with the classes' shares as in these examples.",
        _table(("score", "examples", "mean score", "truly positive"), [_bin(row) for row in report["calibration"]]),
        "## Most influential words of each class",
        "\n".join(
            f"- `{label}`: {', '.join(word['word'] for word in words) or 'no word is frequent enough'}" for label, words in report["influential_words"].items()
        ),
        _left_out(report["left_out"]),
        f"## Use\n\n```yaml\n# recipe of curate run\nmodels:\n  - {{kind: fasttext, name: {name}, path: {out}, label: {positive}}}\n\n"
        f"# rule set\nrules:\n  - {{name: low_{name}, value: {name}, drop_if: '<', threshold: {chosen['threshold']:.6g}}}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _chosen(points: metrics.Curve, aim: AimRecipe) -> dict[str, Any]:
    if aim.precision is not None:
        index, words = metrics.least_with_precision(points, aim.precision), f"precision ≥ {aim.precision:g}"
        if index is None:
            raise CurateError(
                f"no threshold reaches precision {aim.precision:g} on held-out examples; the best is {points.precision.max():.3f}, so ask for less"
            )
    elif aim.recall is not None:
        index, words = metrics.most_with_recall(points, aim.recall), f"recall ≥ {aim.recall:g}"
    elif aim.keep_share is not None:
        index, words = metrics.most_with_kept(points, aim.keep_share), f"keeping {aim.keep_share:g} of the other classes"
    else:
        index, words = metrics.best_f1(points), "the best F1"
    return {"aim": words, **metrics.at(points, float(points.threshold[index]))}


def _class_rows(report: dict[str, Any]) -> list[list[str]]:
    rows = []
    for label, row in report["classes"].items():
        counts = report["examples"][label]
        figures = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1", "roc_auc", "pr_auc")]
        rows.append([f"`{label}`", *(str(counts[key]) for key in ("given", "train", "held_out")), *figures])
    return rows


def _confusion(report: dict[str, Any]) -> str:
    labels = report["labels"]
    return _table(("", *labels), [[f"`{label}`", *map(str, row)] for label, row in zip(labels, report["confusion"], strict=True)])


def _numbers(row: dict[str, float]) -> list[str]:
    return [f"{row[key]:.3f}" for key in ("threshold", "precision", "recall", "f1", "kept")]


def _bin(row: dict[str, float]) -> list[str]:
    return [f"{row['low']:.1f}–{row['high']:.1f}", str(row["n"]), f"{row['mean_score']:.3f}", f"{row['share_positive']:.3f}"]


def _left_out(left_out: dict[str, int]) -> str:
    return "Left out: " + ", ".join(f"{count} {name}" for name, count in left_out.items()) + "."


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])
