"""What the commands that fit models do with their arguments: a recipe made, the work called, a summary printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.fit.recipe import Aim, ClassifierRecipe, ImportanceFitRecipe, KenlmFitRecipe
from shards import console
from shards.errors import RecipeError
from shards.recipe import build_recipe

POSITIVE, NEGATIVE = "positive", "negative"


def run_fit_classifier(out: Path, sources: Mapping[str, Sequence[str]], label_column: str | None, aim: dict[str, Any], overrides: Sequence[str] | None) -> None:
    """Train and print. `sources`: paths under `positive` and `negative`, `NAME=PATH` under `classes`, paths under `labelled`. Raises CptkitError."""
    from curate.fit.classifier import fit_classifier

    values = {"classes": class_sources(sources), "labelled": list(sources["labelled"]), "label_column": label_column}
    recipe = build_recipe({}, ClassifierRecipe, "fit-classifier", overrides, values)
    report = fit_classifier(recipe, build_recipe(aim, Aim, "fit-classifier"), out)
    _print_classifier(report, out)


def class_sources(sources: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The classes of a command line: positives first. Raises RecipeError for a class without `=`."""
    found = [{"label": name, "path": path} for name in (POSITIVE, NEGATIVE) for path in sources[name]]
    for item in sources["classes"]:
        label, separator, path = item.partition("=")
        if not separator or not label or not path:
            raise RecipeError(f"--class {item}: expected NAME=PATH")
        found.append({"label": label, "path": path})
    return found


def run_fit_importance(out: Path, target: Sequence[str], raw: Sequence[str], overrides: Sequence[str] | None) -> None:
    """Count, write and print. Raises CptkitError."""
    from curate.fit.importance import fit_importance

    recipe = build_recipe({}, ImportanceFitRecipe, "fit-importance", overrides, {"target": list(target), "raw": list(raw)})
    figures = fit_importance(recipe, out)
    lines = {side: "{texts:,} texts, {ngrams:,} n-grams".format(**figures[side]) for side in ("target", "raw")}
    console.summary("importance weights fitted", {**lines, "KL(raw, target)": f"{figures['kl_raw_from_target']:.3f} nats", "written to": out})


def run_fit_kenlm(out: Path, texts: Sequence[str], cutoff_texts: Sequence[str] | None, overrides: Sequence[str] | None) -> None:
    """Train, write and print. Raises CptkitError."""
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
