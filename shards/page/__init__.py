"""Pages of all rooms: Jinja templates over one style, figures as inline SVG, one colour per source.

A page fetches nothing and runs nothing, and equal figures give equal bytes. HTML templates extend `base.html.j2`; those that show a curation
import the macros of `curation.html.j2`. jinja2 and matplotlib are imported on use: rooms without pages are installed without them.
"""

import html
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
_TEMPLATES = Path(__file__).parent
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def render(template: Path, filters: Mapping[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """Fill in an HTML template, whose values are escaped, or a Markdown template (`.md.j2`), whose values are not.

    A value that the template reads and `values` lacks raises jinja2.UndefinedError.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _TEMPLATES]),
        autoescape=not template.name.endswith(".md.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "size": size, "cell": _cell, "code": _code, "json": lambda value: json.dumps(value, ensure_ascii=False)}
    environment.filters |= filters or {}
    return environment.get_template(template.name).render(values)


def count(n: int | None) -> str:
    """`1,234`; a dash for null."""
    return "–" if n is None else f"{n:,}"


def size(n_bytes: int | None) -> str:
    """`812 B`, `4.1 MB`; a dash for null."""
    if n_bytes is None:
        return "–"
    return next((f"{n_bytes / limit:,.1f} {unit}" for limit, unit in _SIZES if n_bytes >= limit), f"{n_bytes} B")


def _cell(text: object) -> str:
    """Text escaped for a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> "Markup":
    """Escaped text with its backquoted parts as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def draw(name: str, inches: tuple[float, float], paint: Callable[["Figure"], None], font_size: float = 10) -> "Markup":
    """An SVG element painted by `paint`. `name` is its accessible label, and keeps its ids apart from those of other figures on the page."""
    import matplotlib
    from markupsafe import Markup
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": name, "font.size": font_size}):
        figure = Figure(figsize=inches, layout="constrained")
        paint(figure)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = sink.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    opening, rest = svg.split(">", 1)
    # matplotlib has escaped the text in its SVG.
    return Markup(re.sub(r' (width|height)="[^"]*"', "", opening) + f' role="img" aria-label="{html.escape(name)}">{rest}')
