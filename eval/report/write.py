"""`evaluate report`: writes the figures to report.json and the page to report.html."""

import math
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.report.content import build_content
from eval.report.content_record import ReportContent
from eval.report.over_steps import gap_words
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from eval.report.sections import colors_of, sections_of
from shards import page
from shards.derived import write_derived
from shards.folder import refuse_foreign
from shards.record import check_values, sealed


def write_report(recipe: ReportRecipe) -> tuple[Path, Path]:
    """Write the HTML page, and report.json beside it; returns both paths. Raises EvalError for missing or unreadable input."""
    if recipe.out.suffix != ".html":
        raise EvalError(f"out: {recipe.out} does not end in .html; give the path of the page, its figures go to the same name with .json")
    refuse_foreign(recipe.out.parent, [recipe.out.name, recipe.out.with_suffix(".json").name])
    content = build_content(recipe, read_inputs(recipe))
    data = recipe.out.with_suffix(".json")
    figures = portable(content)
    check_values(figures, ReportContent, "report.json", "this is a fault of cptkit, please report it", error=EvalError)
    write_derived(recipe.scores, data, sealed(figures, allow_nan=False))
    write_derived(recipe.scores, recipe.out, render(content).encode("utf-8", "replace"))
    return recipe.out, data


def portable(value: Any) -> Any:
    """The value as any reader of JSON takes it: null for numbers that are not finite, `?` for halves of surrogate pairs."""
    if isinstance(value, dict):
        return {portable(key): portable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [portable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def render(content: dict[str, Any]) -> str:
    """The page as HTML."""
    colors, sections = colors_of(content), sections_of(content)
    plots = {name: plot for section in sections for name, plot in section.plots(content, colors).items()}
    filters: dict[str, Any] = {"compact": _compact, "gap_words": gap_words}
    names = {"sources": colors.sources, "models": colors.models}
    return page.render(Path(__file__).parent / "page.html.j2", filters, report=content, sections=sections, plots=plots, **names)


def _compact(value: float) -> str:
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):,.1f} {unit}"
    return f"{value:,.0f}"
