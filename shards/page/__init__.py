"""Pages of all rooms: Jinja templates over one style, figures as inline SVG, one colour per name.

A page fetches nothing and runs nothing, and equal figures give equal bytes. jinja2 and matplotlib are imported on use: rooms without pages are
installed without them.

Rules for a section. Tests open every page in a browser and hold them.

- Templates extend `base.html.j2`, and take tables, figures, verdicts, intervals and dots from `ui.html.j2` (imported as `ui`); those that show
  a curation take the macros of `curation.html.j2`. A column or key is named in full: two columns never share a heading.
- `ui.table(caption, columns)` gives a table its caption, its scopes, and a form for phones, in which every row is a card.
- `draw(name, inches, paint, description=…)` gives a figure its description, a dark variant and one for phones. Names of models and sources stand
  in the keys of `ui.figure`, not in a legend: in HTML, long names wrap. Text has at least 10 points.
- A name has one colour on the whole page, that of `colors.py`; no two names share one. Colours are `#rrggbb` in figures (`draw` makes them follow
  the colour scheme), `{{ color | themed }}` in templates, and `var(--ink)`, `--soft`, `--good`, `--bad`, … of `base.css` in styles. Never set a
  fixed colour in a style.
- Colour never carries a meaning alone: a verdict has a word and a mark, a line has a dash or marker of its own.
- Nothing is wider than a phone (390 px) or is cut in print: long text wraps, wide tables become cards, pictures have a phone variant.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shards.page.figures import FAINT, GRID, INK, PAPER, draw, is_for_phones
from shards.page.tables import labelled
from shards.page.theme import dark_rules, text_on, themed

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["FAINT", "GRID", "INK", "PAPER", "count", "draw", "is_for_phones", "render", "size", "text_on", "themed"]

_TEMPLATES = Path(__file__).parent
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_DARK = "/* dark variants of the colours in use */"


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
    environment.filters |= {"signed": signed, "themed": themed, "labelled": labelled} | dict(filters or {})
    before, style, after = environment.get_template(template.name).render(values).partition("<style>")
    return before + style + after.replace(_DARK, dark_rules(after), 1)


def count(n: int | None) -> str:
    """`1,234`; a dash for null."""
    return "–" if n is None else f"{n:,}"


def size(n_bytes: int | None) -> str:
    """`812 B`, `4.1 MB`; a dash for null."""
    if n_bytes is None:
        return "–"
    return next((f"{n_bytes / limit:,.1f} {unit}" for limit, unit in _SIZES if n_bytes >= limit), f"{n_bytes} B")


def signed(value: float | None, digits: int = 4) -> str:
    """Number with sign: +0.1234, −0.1234; `unbounded` for null."""
    return "unbounded" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def _cell(text: object) -> str:
    """Text escaped for a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> "Markup":
    """Escaped text with its backquoted parts as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))
