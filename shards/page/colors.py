"""Colours of sources and of models, the same on all pages."""

from collections.abc import Iterable

import xxhash

SOURCE_COLORS = ("#2563a8", "#d9730d", "#4d8f5b", "#a8872a", "#4a9fc4", "#7c5237", "#8a9a3b", "#55606e")
MODEL_COLORS = ("#b8336a", "#0f8b8d", "#5a4fcf", "#7b2d6e", "#0b5563", "#d1495b")


def source_colors(names: Iterable[str]) -> dict[str, str]:
    """Colour by source. The name's hash decides, so a source keeps its colour from page to page unless it collides with an earlier name."""
    colors: dict[str, str] = {}
    n_colors = len(SOURCE_COLORS)
    for index, name in enumerate(sorted(set(names))):
        first = xxhash.xxh3_64_intdigest(name.encode("utf-8", "replace"))
        taken = list(colors.values())[index // n_colors * n_colors :]  # every colour is used once before any is used twice
        colors[name] = next(color for color in (SOURCE_COLORS[(first + offset) % n_colors] for offset in range(n_colors)) if color not in taken)
    return colors


def model_colors(names: Iterable[str]) -> dict[str, str]:
    """Colour by model in the order given. No model has the colour of a source."""
    return {name: MODEL_COLORS[index % len(MODEL_COLORS)] for index, name in enumerate(dict.fromkeys(names))}
