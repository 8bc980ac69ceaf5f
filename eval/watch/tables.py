"""Curves as rows of text."""

from typing import Any

from eval.tables import interval, signed
from eval.watch.curves import n_verdicts


def correction_words(curves: list[dict[str, Any]]) -> str:
    """One sentence: over how many verdicts Holm's correction goes, because the same figure may have another verdict where it is one of fewer."""
    return (
        f"Verdicts are corrected over all {n_verdicts(curves):,} of these curves (Holm), so a step may have another verdict than in its own `evaluate run` or "
        "`evaluate tasks`, which corrects over its own verdicts alone."
    )


def curve_rows(curve: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: value and change over the base model after each scored step."""
    header = ["step", "tokens", "value", "change", "95% interval of the change", "verdict"]
    rows = []
    for point in curve["points"]:
        change = [signed(point["delta"]), interval(point), point["verdict"]]
        rows.append([f"{point['step']:,}", f"{point['tokens']:,}", f"{point['value']:.4f}", *change])
    return header, rows
