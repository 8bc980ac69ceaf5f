"""Frontiers and comparisons as rows of text."""

from typing import Any

from eval.tables import signed

Json = dict[str, Any]
Rows = tuple[list[str], list[list[str]]]

_UNITS = {"tokens": "tokens", "seconds": "seconds", "gpu_hours": "GPU hours"}


def front_rows(content: Json, front: Json, digits: int = 4) -> Rows:
    """Header and rows of one front: points on it first, then by gain, with the base model among them. Changes have `digits` after the point."""
    points = {point["name"]: point for point in content["points"]}
    costs = [kind for kind in _UNITS if any(point["cost"][kind] is not None for point in points.values())]
    header = ["point", "runs", front["gain"], front["retain"], *(_UNITS[kind] for kind in costs), "front", "in resamples", "dominated by"]
    order = sorted([*front["standings"], front["base"]], key=lambda row: (row["status"] != "front", _gained(points, front, row)))
    rows = []
    for row in order:
        if "point" in row:
            point = points[row["point"]]
            changes = [change_words(point["changes"][domain], digits) for domain in (front["gain"], front["retain"])]
            facts = [point["name"], runs_words(point), *changes, *(cost_words(point["cost"], kind) for kind in costs)]
        else:
            facts = [content["baseline"]["name"], "base", "0", "0", *("" for _ in costs)]
        share = "" if row["front_share"] is None else f"{row['front_share']:.0%}"
        rows.append([*facts, row["status"], share, ", ".join(row["surely_by"] or row["dominated_by"])])
    return header, rows


def _gained(points: dict[str, Json], front: Json, row: Json) -> float:
    return float(points[row["point"]]["changes"][front["gain"]]["delta"]) if "point" in row else 0.0


def change_words(change: Json, digits: int = 4) -> str:
    """`−0.1234 [−0.1300, −0.1168]`."""
    interval = "" if change["low"] is None else f" [{signed(change['low'], digits)}, {signed(change['high'], digits)}]"
    return signed(change["delta"], digits) + interval


def runs_words(point: Json) -> str:
    """`3 seeds`, or `step 200`, or `1`."""
    if point["of"] == "recipe":
        return f"{len(point['members'])} seeds"
    return "1" if point["step"] is None else f"step {point['step']:,}"


def cost_words(cost: Json, kind: str) -> str:
    """A cost with at most three digits after the point; empty where it is unknown."""
    value = cost[kind]
    if value is None:
        return ""
    return f"{value:,.0f}" if kind == "tokens" or value >= 100 else f"{value:,.3g}"


def suggestion_words(content: Json, front: Json) -> list[str]:
    """One sentence for each suggestion: where it lies on the plane of a front."""
    sentences = []
    for row in front["suggestions"]:
        suggestion = next(one for one in content["suggestions"] if one["name"] == row["suggestion"])
        parts = [f"{change_words(suggestion['changes'][domain])} on {domain}" for domain in (front["gain"], front["retain"])]
        if row["beaten_by"]:
            place = f"{', '.join(row['beaten_by'])} measured better on both"
        else:
            place = "nothing measured is better on both" + (f", and {', '.join(row['beats'])} worse on both" if row["beats"] else "")
        sentences.append(f"Suggestion {row['suggestion']} predicts {' and '.join(parts)}: {place}.")
    return sentences
