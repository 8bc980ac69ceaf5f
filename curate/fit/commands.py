"""The commands that fit models: build the recipe from the arguments, do the work, print a summary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from curate.errors import CurateError
from curate.fit.recipe import AimRecipe, ClassifierRecipe, ImportanceFitRecipe, KenlmFitRecipe
from shards import console
from shards.errors import RecipeError
from shards.recipe import build_recipe

POSITIVE, NEGATIVE = "positive", "negative"

_FEW_DOCUMENTS = 200
"""Fewer documents than this give unreliable quantiles and deviations."""


def run_fit_classifier(out: Path, sources: Mapping[str, Sequence[str]], label_column: str | None, aim: dict[str, Any], overrides: Sequence[str] | None) -> None:
    """`curate fit-classifier`. `sources`: paths under `positive`, `negative` and `labelled`, `NAME=PATH` under `classes`. Raises CptkitError."""
    from curate.fit.classifier import fit_classifier

    values = {"classes": class_sources(sources), "labelled": list(sources["labelled"]), "label_column": label_column}
    recipe = build_recipe({}, ClassifierRecipe, "fit-classifier", overrides, values)
    report = fit_classifier(recipe, build_recipe(aim, AimRecipe, "fit-classifier"), out)
    _print_classifier(report, out)


def class_sources(sources: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Classes from the command line, positives first. Raises RecipeError for a class that is not NAME=PATH."""
    classes = [{"label": name, "path": path} for name in (POSITIVE, NEGATIVE) for path in sources[name]]
    for item in sources["classes"]:
        label, separator, path = item.partition("=")
        if not separator or not label or not path:
            raise RecipeError(f"--class {item}: expected NAME=PATH")
        classes.append({"label": label, "path": path})
    return classes


def run_fit_importance(out: Path, target: Sequence[str], raw: Sequence[str], overrides: Sequence[str] | None) -> None:
    """`curate fit-importance`. Raises CptkitError."""
    from curate.fit.importance import fit_importance

    recipe = build_recipe({}, ImportanceFitRecipe, "fit-importance", overrides, {"target": list(target), "raw": list(raw)})
    figures = fit_importance(recipe, out)
    lines = {side: "{texts:,} texts, {ngrams:,} n-grams".format(**figures[side]) for side in ("target", "raw")}
    console.summary("importance weights fitted", {**lines, "KL(raw, target)": f"{figures['kl_raw_from_target']:.3f} nats", "written to": out})


def run_fit_kenlm(out: Path, texts: Sequence[str], cutoff_texts: Sequence[str] | None, overrides: Sequence[str] | None) -> None:
    """`curate fit-kenlm`. Raises CptkitError."""
    from curate.fit.kenlm import fit_kenlm

    recipe = build_recipe({}, KenlmFitRecipe, "fit-kenlm", overrides, {"texts": list(texts), "cutoff_texts": cutoff_texts})
    card = fit_kenlm(recipe, out)
    head, tail = card["cutoffs"]
    lines = {
        "trained on": f"{card['documents']:,} documents, {card['words']:,} words",
        "head, middle below": f"{head:.1f}, {tail:.1f} (percentiles of {card['cutoff_documents']:,} documents)",
        "written to": out,
    }
    console.summary("n-gram model trained", lines)


def run_calibrate(paths: Sequence[str], out: Path, language: str, method: str, words: str, model: str, one_per_line: bool) -> None:
    """`curate calibrate`: also prints what each rule drops of the reference, and how to use the set. Raises CurateError."""
    from curate.fit.calibrate import Method, calibrate

    if method not in get_args(Method):
        raise CurateError(f"--method {method}: known are {' and '.join(get_args(Method))}")
    chosen: Method = "quantile" if method == "quantile" else "mean"
    result = calibrate(paths, out, language, chosen, words, model, one_per_line)
    rows = [(name, drop_if, f"{threshold:.4g}", f"{median:.4g}", f"{share:.1%}") for name, drop_if, threshold, median, share in result.table]
    console.print_table("a document is dropped if", ["rule", "", "threshold", "median", "drops of the reference"], rows)
    if result.n_documents < _FEW_DOCUMENTS:
        console.show_text(f"only {result.n_documents} documents: more of them give more reliable thresholds")
    lines = {
        "stop words": " ".join(result.rules.stop_words),
        "dropped by any rule": f"{result.dropped:.1%} of {result.n_documents} documents",
        "use": f"rules: [{out}], words: {result.words}",
    }
    console.summary(f"wrote {out}", lines)


def _print_classifier(report: dict[str, Any], out: Path) -> None:
    columns = ("class", "train", "held out", "precision", "recall", "F1", "ROC AUC")
    rows = []
    for label, row in report["classes"].items():
        counts = report["examples"][label]
        rows.append((label, counts["train"], counts["held_out"], *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1", "roc_auc"))))
    console.print_table("held-out examples, by most likely class", columns, rows)
    chosen = report["chosen"]
    worth = f"precision {chosen['precision']:.3f}, recall {chosen['recall']:.3f}"
    lines = {
        "accuracy": f"{report['accuracy']:.3f} (always the largest class: {report['largest_class']:.3f}); macro F1 {report['macro_f1']:.3f}",
        f"threshold for {report['positive']}": f"{chosen['threshold']:.6g} for {chosen['aim']}: {worth}",
        "model": f"{out / report['model']['file']} ({report['model']['n_bytes'] / 1e6:.1f} MB)",
        "report": out / "report.md",
    }
    console.summary("classifier trained", lines)
