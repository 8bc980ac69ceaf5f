"""`evaluate report`: writes the figures to report.json and the page to report.html."""

import json
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.report import figures, long_context
from eval.report.content import build_content
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from eval.tables import interval, signed
from shards import page
from shards.derived import write_derived
from shards.folder import refuse_foreign
from shards.page.colors import model_colors, source_colors


def write_report(recipe: ReportRecipe) -> tuple[Path, Path]:
    """Write the HTML page, and report.json beside it; returns both paths. Raises EvalError for missing or unreadable input."""
    if recipe.out.suffix != ".html":
        raise EvalError(f"out: {recipe.out} does not end in .html; give the path of the page, its figures go to the same name with .json")
    refuse_foreign(recipe.out.parent, [recipe.out.name, recipe.out.with_suffix(".json").name])
    content = build_content(recipe, read_inputs(recipe))
    data = recipe.out.with_suffix(".json")
    write_derived(recipe.scores, data, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    write_derived(recipe.scores, recipe.out, render(content).encode("utf-8", "replace"))
    return recipe.out, data


def render(content: dict[str, Any]) -> str:
    """The page as HTML."""
    sources, baseline = source_colors(_source_names(content)), content["headline"]["baseline"]
    names = [row["model"] for row in content["scores"] if row["model"] != baseline] + [suggestion["name"] for suggestion in content["suggestions"]]
    models = model_colors(names) | {baseline: page.INK}
    plots = {
        "plane": figures.gain_against_forgetting(content, content["provenance"]["settings"]["tolerance"], models),
        "positions": long_context.loss_by_position(content["long_context"], models) if content["long_context"] else "",
        "needles": long_context.needles_found(content["long_context"]["grids"]) if content["long_context"] and content["long_context"]["grids"] else "",
        "shares": figures.mix_shares(content["mixes"], sources) if content["mixes"] else "",
        "runs": figures.run_curves(content["runs"], sources),
        "evaluations": figures.evaluations(content["runs"], sources),
    }
    filters: dict[str, Any] = {"signed": signed, "interval": interval, "compact": _compact}
    return page.render(Path(__file__).parent / "page.html.j2", filters, report=content, plots=plots, sources=sources, models=models)


def _source_names(content: dict[str, Any]) -> set[str]:
    """Sources of all mixes and runs, and the domains that runs are evaluated on."""
    names = {source["name"] for mix in content["mixes"] for source in mix["sources"]}
    return names.union(*(run[key] for run in content["runs"] for key in ("loss_by_source", "bits_per_byte")))


def _compact(value: float) -> str:
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):,.1f} {unit}"
    return f"{value:,.0f}"
