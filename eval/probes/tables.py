"""Formats probes.json as rows of text for the terminal."""

from typing import Any

from eval.probes.measures import HUMAN
from eval.tables import Rows, signed


def score_rows(content: dict[str, Any]) -> Rows:
    """Header and rows: every measure that gets a verdict, by domain, one column a model; the authors' last."""
    models = [*content["models"], HUMAN] if any(row["model"] == HUMAN for row in content["scores"]) else list(content["models"])
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in content["scores"]:
        if content["measures"][row["measure"]]["better"]:
            values.setdefault((row["measure"], row["domain"]), {})[row["model"]] = row["value"]
    rows = []
    for (measure, domain), by_model in values.items():
        facts = content["measures"][measure]
        figures = [f"{by_model[model]:.3f}" if model in by_model else "–" for model in models]
        rows.append([facts["probe"], words(measure), domain or "–", *figures, f"{facts['unit']}, {facts['better']} is better"])
    return ["probe", "measure", "domain", *models, "unit"], rows


def change_rows(content: dict[str, Any]) -> Rows:
    """Header and rows: differences from the baseline that are certain."""
    rows = []
    for row in content["differences"]:
        if row["verdict"] in ("better", "worse"):
            bounds = "unbounded" if row["low"] is None else f"[{signed(row['low'], 3)}, {signed(row['high'], 3)}]"
            rows.append([row["probe"], words(row["measure"]), row["domain"] or "–", row["model"], signed(row["delta"], 3), bounds, row["verdict"]])
    return ["probe", "measure", "domain", "model", "difference", "95% interval", "verdict"], rows


def drift_rows(content: dict[str, Any]) -> Rows:
    """Header and rows: how far each model moved, and the layer and part that moved most."""
    rows = []
    for model, drift in content["drift"].items():
        moved = [cell for cell in drift["cells"] if cell["relative"] is not None]
        most = max(moved, key=lambda cell: cell["relative"], default=None)
        total = drift["total"]["relative"]
        layer = "" if most is None or most["layer"] is None else f" of layer {most['layer']}"
        where = "–" if most is None else f"{most['part']}{layer}, {most['relative']:.2%}"
        rows.append([model, "–" if total is None else f"{total:.2%}", where])
    return ["model", "distance from the baseline", "moved most"], rows


def words(name: str) -> str:
    """`copied_tokens` as `copied tokens`."""
    return name.replace("_", " ")
