"""Curves as rows of text."""

from typing import Any

from eval.tables import interval, signed


def curve_rows(curve: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: value and change over the base model after each scored step."""
    header = ["step", "tokens", "value", "change", "95% interval of the change", "verdict"]
    rows = []
    for point in curve["points"]:
        change = [signed(point["delta"]), interval(point), point["verdict"]]
        rows.append([f"{point['step']:,}", f"{point['tokens']:,}", f"{point['value']:.4f}", *change])
    return header, rows
