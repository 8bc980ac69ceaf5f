"""The figures of a report as one JSON object: the content of report.json, and everything that the page shows."""

from typing import Any

from eval.report.caveats import caveats
from eval.report.contamination import contamination_content
from eval.report.content_record import FORMAT
from eval.report.curves import run_curves
from eval.report.over_steps import over_steps
from eval.report.probes import probes_content
from eval.report.read import Json, ReportInputs
from eval.report.recipe import ReportRecipe
from eval.report.run_facts import cost_rows, setting_rows
from eval.report.scores import cost_of_text, documents, headline, score_table, seed_rows, slices, transfer
from eval.report.suggestions import suggestion_content
from eval.report.tasks import tasks_content


def build_content(recipe: ReportRecipe, inputs: ReportInputs) -> Json:
    """The whole report. Sections without input are empty."""
    return {
        "format": FORMAT,
        "title": recipe.title,
        "base": recipe.base,
        "intro": recipe.intro,
        "headline": headline(inputs),
        "suggestions": [suggestion_content(name, suggestion, list(inputs.summary["domains"])) for name, suggestion in inputs.suggestions.items()],
        "scores": score_table(inputs.summary),
        "recipes": inputs.summary.get("recipes", {}),
        "seeds": seed_rows(inputs.summary),
        "seed_noise": inputs.summary.get("seed_noise", []),
        "contamination": contamination_content(inputs.summary, inputs.tasks, recipe.example_characters),
        "documents": documents(inputs.summary, recipe),
        "slices": slices(inputs.summary),
        "transfer": transfer(inputs.summary),
        "text": cost_of_text(inputs.summary),
        "long_context": long_context(inputs.summary),
        "probes": probes_content(inputs.probes, recipe.example_characters),
        "tasks": tasks_content(inputs.tasks) if inputs.tasks else None,
        "corpora": [corpus(name, report, recipe) for name, report in inputs.corpora.items()],
        "mixes": [mix(name, preview, inputs.runs.get(name)) for name, preview in inputs.mixes.items()],
        "runs": [run_curves(name, steps) for name, steps in inputs.runs.items()],
        "over_steps": over_steps(inputs.runs, inputs.watched),
        "run_settings": setting_rows(inputs.records),
        "run_costs": cost_rows(inputs.records, inputs.runs),
        "provenance": {
            "artefacts": inputs.provenance,
            "versions": inputs.summary.get("versions", {}) | _run_versions(inputs),
            "policy": inputs.summary.get("policy", ""),
            "settings": _settings(inputs.summary),
            "reproduce": recipe.reproduce,
        },
        "caveats": caveats(inputs),
    }


def long_context(summary: Json) -> Json | None:
    """The measurements at long context, None if there are none. `grids` holds the share of needles found as one table per model: a row per length, a
    cell per depth."""
    section = summary.get("long_context")
    if section is None:
        return None
    rows = section["needle"]
    lengths, depths = sorted({row["length"] for row in rows}), sorted({row["depth"] for row in rows})
    cells = {(row["model"], row["length"], row["depth"]): row for row in rows}
    models = list(dict.fromkeys(row["model"] for row in rows))
    grids = [{"model": model, "rows": [[cells[model, length, depth] for depth in depths] for length in lengths]} for model in models]
    return section | {"grids": grids, "needle_lengths": lengths, "needle_depths": depths}


def corpus(name: str, report: Json, recipe: ReportRecipe) -> Json:
    """A curation run: the funnel with the share that remains after each rule, and examples truncated to the recipe's limit."""
    n_read = max(report["counts"]["read"], 1)
    funnel = []
    for step in report["funnel"]:
        rule = f"{step['stage']}/{step['rule']}"
        examples = [_cut_text(example, recipe) for example in report.get("examples", {}).get(rule, [])[: recipe.n_examples]]
        shares = {"removed_share": step["documents"] / n_read, "remaining_share": step["remaining"] / n_read}
        funnel.append(step | shares | {"examples": examples})
    kept = [_cut_text(example, recipe) for example in report.get("kept_examples", [])[: recipe.n_examples]]
    names = ("counts", "bytes", "rules", "languages", "sources", "duplicates", "faults")
    return {"name": name, "funnel": funnel, "kept_examples": kept} | {key: report[key] for key in names if key in report}


def _cut_text(example: Json, recipe: ReportRecipe) -> Json:
    text = example["text"]
    cut = text if len(text) <= recipe.example_characters else text[: recipe.example_characters].rstrip() + " …"
    return example | {"text": cut}


def mix(name: str, preview: Json, steps: list[Json] | None) -> Json:
    """A mix: shares requested, planned and, if the run's metrics are given, seen in training, counted in targets of the loss."""
    seen: dict[str, int] = {}
    for step in steps or []:
        for source, n_targets in step["tokens_by_source"].items():
            seen[source] = seen.get(source, 0) + n_targets
    total = sum(seen.values())
    sources = []
    for source in preview["sources"]:
        n_seen = seen.get(source["name"], 0) if total else None
        sources.append({"synthetic": 0.0} | source | {"seen_targets": n_seen, "seen": n_seen / total if n_seen is not None else None})
    names = ("row_tokens", "rows", "tokens", "stages", "synthetic", "max_synthetic")
    return {"name": name, "synthetic": 0.0, "max_synthetic": None} | {key: preview[key] for key in names if key in preview} | {"sources": sources}


def _settings(summary: Json) -> Json:
    names = ("context_tokens", "stride_tokens", "dtype", "batch_tokens", "n_resamples", "seed", "tolerance")
    return {name: summary["recipe"][name] for name in names if name in summary["recipe"]}


def _run_versions(inputs: ReportInputs) -> dict[str, Any]:
    return {f"{package} (run {name})": version for name, record in inputs.records.items() for package, version in record.get("versions", {}).items()}
