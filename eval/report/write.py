"""`evaluate report`: writes the figures to report.json and the page to report.html."""

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from eval.errors import EvalError
from eval.recipe import ReportRecipe
from eval.report import figures
from eval.report.content import build_content
from eval.report.read import read_inputs
from eval.tables import interval, signed
from shards.derived import write_derived
from shards.folder import refuse_foreign


def write_report(recipe: ReportRecipe) -> tuple[Path, Path]:
    """Write the HTML page, and report.json beside it; returns both paths. Raises EvalError for missing or unreadable input."""
    if recipe.out.suffix != ".html":
        raise EvalError(f"out: {recipe.out} does not end in .html; give the path of the page, its figures go to the same name with .json")
    refuse_foreign(recipe.out.parent, [recipe.out.name, recipe.out.with_suffix(".json").name])
    content = build_content(recipe, read_inputs(recipe))
    page, data = recipe.out, recipe.out.with_suffix(".json")
    write_derived(recipe.scores, data, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    write_derived(recipe.scores, page, render(content).encode("utf-8", "replace"))
    return page, data


def render(content: dict[str, Any]) -> str:
    """The HTML page. All text of documents, names and files is escaped; plots are inline SVG, and nothing is downloaded."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"signed": signed, "interval": interval, "megabytes": _megabytes, "compact": _compact}
    tolerance = content["provenance"]["settings"]["tolerance"]
    plots = {
        "plane": figures.gain_against_forgetting(content, tolerance),
        "shares": figures.mix_shares(content["mixes"]) if content["mixes"] else "",
        "runs": figures.run_curves(content["runs"]),
        "evaluations": figures.evaluations(content["runs"]),
    }
    return environment.get_template("page.html.j2").render(report=content, plots=_trusted(plots), tolerance=tolerance)


def _trusted(plots: dict[str, Any]) -> dict[str, Any]:
    """Mark plots as safe HTML: matplotlib escapes the text of its SVG."""
    return {name: [Markup(svg) for svg in plot] if isinstance(plot, list) else Markup(plot) for name, plot in plots.items()}


def _megabytes(n_bytes: int | None) -> str:
    return "–" if n_bytes is None else f"{n_bytes / 1e6:,.2f} MB"


def _compact(value: float) -> str:
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):,.1f} {unit}"
    return f"{value:,.0f}"
