"""Figures as inline SVG: painted by matplotlib, in the reader's colour scheme, with a variant for phones and a description."""

import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shards.page.theme import themed_styles

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

INK, FAINT, GRID, PAPER = "#1f2933", "#7b8794", "#e4e7eb", "#ffffff"
PHONE_INCHES = 4.6
"""Width of the phone variant: 10-point text has 10.8 px on a screen of 390 px."""
WIDEST_ON_PHONES = 5.2
"""Width in inches up to which one variant serves all screens: 10-point text has 9.6 px on a screen of 390 px."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": "medium",
    "axes.titlesize": "medium",
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


def draw(
    name: str,
    inches: tuple[float, float],
    paint: Callable[["Figure"], None],
    *,
    description: str,
    phone: tuple[float, float] | None = None,
    font_size: float = 10,
) -> "Markup":
    """A figure painted by `paint`, as one or two SVG elements of which each screen shows one.

    `name` is its title and keeps its ids apart from those of other figures on the page; `description` says in a sentence or two what it shows, for
    those who can't see it. A figure wider than 5.2 inches is painted again for phones, at the size `phone`, by default 4.6 inches wide and as high;
    `paint` asks `is_for_phones`. Text below 10 points would be too small there.
    """
    from markupsafe import Markup

    if inches[0] <= WIDEST_ON_PHONES:
        return Markup(_svg(name, inches, paint, description, font_size, "every-screen"))
    narrow = phone or (PHONE_INCHES, inches[1])
    return Markup(_svg(name, inches, paint, description, font_size, "wide-screen") + _svg(name, narrow, paint, description, font_size, "phone-screen"))


def is_for_phones(figure: "Figure") -> bool:
    """Whether this is the variant for phones."""
    return bool(figure.get_figwidth() <= WIDEST_ON_PHONES)


def _svg(name: str, inches: tuple[float, float], paint: Callable[["Figure"], None], description: str, font_size: float, screen: str) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    key = name if screen != "phone-screen" else f"{name}, on phones"
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": key, "font.size": font_size}):
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
    opening = re.sub(r' (width|height)="[^"]*"', "", opening) + f' class="{screen}" role="img" aria-label="{html.escape(name)}">'
    return f"{opening}<desc>{html.escape(description)}</desc>{themed_styles(rest)}"
