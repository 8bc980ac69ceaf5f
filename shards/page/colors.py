"""Colours of names, the same on all pages: those of sources (and the domains of their names) and those of models (and recipes) are disjoint.

The first eight of each were chosen by annealing: in both schemes they keep a contrast of 3 with the page, and a distance of 0.09 in OKLab from each
other under normal vision and simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009; 0.07 for tritanopia). Further names get
generated colours, which are all different but not as easy to tell apart.
"""

from collections.abc import Iterable, Iterator

import xxhash

from shards.page.theme import from_lch

SOURCE_COLORS = ("#9a65d7", "#ad7805", "#506f86", "#46977c", "#7d27a8", "#513e22", "#626536", "#3e4167")
MODEL_COLORS = ("#e655ab", "#14846e", "#bd8735", "#7654c7", "#0e6069", "#8a6b0c", "#a578f3", "#5d5003")
_GOLDEN_ANGLE = 137.508


def source_colors(names: Iterable[str]) -> dict[str, str]:
    """Colour by source. The name's hash decides, so a source keeps its colour from page to page unless it collides with an earlier name."""
    colors: dict[str, str] = {}
    n_colors = len(SOURCE_COLORS)
    more = _generated(0)
    for name in sorted(set(names)):
        first = xxhash.xxh3_64_intdigest(name.encode("utf-8", "replace"))
        order = [SOURCE_COLORS[(first + offset) % n_colors] for offset in range(n_colors)]
        colors[name] = next((color for color in order if color not in colors.values()), "") or next(more)
    return colors


def model_colors(names: Iterable[str]) -> dict[str, str]:
    """Colour by model in the order given. No model has the colour of a source."""
    more = _generated(1)
    return {name: MODEL_COLORS[index] if index < len(MODEL_COLORS) else next(more) for index, name in enumerate(dict.fromkeys(names))}


def _generated(first: int) -> Iterator[str]:
    """Every second colour of an endless sequence around the hues; two sequences with different `first` share none."""
    taken = {*SOURCE_COLORS, *MODEL_COLORS}
    index = 0
    while True:
        color = from_lch(0.42 + 0.05 * (index % 5), 0.09 + 0.02 * (index % 4), _GOLDEN_ANGLE * index)
        if color not in taken:
            taken.add(color)
            if index % 2 == first:
                yield color
        index += 1
