"""Dark variants of colours, so that every figure and dot follows the reader's colour scheme.

A colour in a page is written `var(--c-1f2933, #1f2933)`: the fallback is the light variant, and the page's style defines the variables where
the scheme is dark. Lightness is inverted in OKLab (Ottosson 2020), where equal steps look equal; hue stays, and chroma is reduced only where sRGB
requires it.
"""

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

DARK_PAPER = "#14181d"
"""Background of pages in the dark scheme; `--paper` of base.css."""
_TEXT_ON = {
    ("#ffffff", "#000000"): "#fffffe",
    ("#ffffff", "#ffffff"): "#fffffd",
    ("#000000", "#000000"): "#000001",
    ("#000000", "#ffffff"): "#000002",
}
"""Colour of text by what is readable on the light and on the dark variant of a colour, see `text_on`: each pair has a colour of its own."""
_FIXED = {color: on_dark for (_, on_dark), color in _TEXT_ON.items()} | {"#ffffff": DARK_PAPER}
_HEX = re.compile(r"#([0-9a-f]{6})(?![0-9a-f])")
_USED = re.compile(r"var\(--c-([0-9a-f]{6}), ")
_STYLE = re.compile(r'(?<= style=")[^"]*')


def themed(css: str) -> "Markup":
    """CSS in which every `#rrggbb` follows the colour scheme. Not for text of others: the result counts as safe in HTML."""
    from markupsafe import Markup

    return Markup(_HEX.sub(lambda found: f"var(--c-{found[1]}, {found[0]})", css))


def themed_styles(svg: str) -> str:
    """SVG in which the colours of all style attributes follow the colour scheme; text is left as it is."""
    return _STYLE.sub(lambda found: themed(found[0]), svg)


def dark_rules(html: str) -> str:
    """Declarations of the dark variants of all themed colours in a page."""
    return " ".join(f"--c-{color}: {dark('#' + color)};" for color in sorted(set(_USED.findall(html))))


def dark(color: str) -> str:
    """The variant of `#rrggbb` for a dark page: white becomes the dark paper, and ink becomes nearly white."""
    if color in _FIXED:
        return _FIXED[color]
    lightness, a, b = _oklab(color)
    return _from_oklab(min(1.212 - 1.007 * lightness, 1.0), a, b)


def text_on(color: str) -> str:
    """Colour of text that stands on `color`: white or black, in either scheme whichever has more contrast."""
    light, on_dark = (max(("#ffffff", "#000000"), key=lambda text: contrast(text, below)) for below in (color, dark(color)))
    return _TEXT_ON[light, on_dark]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2: text needs 4.5, large text and marks need 3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def from_lch(lightness: float, chroma: float, degrees: float) -> str:
    """The sRGB colour of OKLCH coordinates; chroma is reduced until it exists."""
    hue = math.radians(degrees)
    return _from_oklab(lightness, chroma * math.cos(hue), chroma * math.sin(hue))


def _linear(color: str) -> list[float]:
    values = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]


def _luminance(color: str) -> float:
    return _dot((0.2126, 0.7152, 0.0722), _linear(color))


def _dot(weights: Iterable[float], values: Iterable[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


_TO_CONES = ((0.4122214708, 0.5363325363, 0.0514459929), (0.2119034982, 0.6806995451, 0.1073969566), (0.0883024619, 0.2817188376, 0.6299787005))
_TO_LAB = ((0.2104542553, 0.7936177850, -0.0040720468), (1.9779984951, -2.4285922050, 0.4505937099), (0.0259040371, 0.7827717662, -0.8086757660))
_FROM_LAB = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728), (1.0, -0.0894841775, -1.2914855480))
_FROM_CONES = ((4.0767416621, -3.3077115913, 0.2309699292), (-1.2684380046, 2.6097574011, -0.3413193965), (-0.0041960863, -0.7034186147, 1.7076147010))


def _oklab(color: str) -> tuple[float, float, float]:
    linear = _linear(color)
    cones = [_dot(row, linear) ** (1 / 3) for row in _TO_CONES]
    lightness, a, b = (_dot(row, cones) for row in _TO_LAB)
    return lightness, a, b


def _from_oklab(lightness: float, a: float, b: float) -> str:
    while True:
        cones = [_dot(row, (lightness, a, b)) ** 3 for row in _FROM_LAB]
        linear = [_dot(row, cones) for row in _FROM_CONES]
        if all(-1e-3 <= value <= 1 + 1e-3 for value in linear) or abs(a) + abs(b) < 1e-3:
            break
        a, b = 0.95 * a, 0.95 * b
    clipped = [min(max(value, 0.0), 1.0) for value in linear]
    return "#" + "".join(f"{round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)):02x}" for value in clipped)
