"""`evaluate report`: writes the figures to report.json and the page to report.html."""

import json
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.report.content import build_content
from eval.report.over_steps import gap_words
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from eval.report.sections import colors_of, sections_of
from shards import page
from shards.derived import write_derived
from shards.folder import refuse_foreign


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
