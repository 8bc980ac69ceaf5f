"""Formats summaries as rows of text, for the terminal and the report."""

from typing import Any

Rows = tuple[list[str], list[list[str]]]


def signed(value: float | None, digits: int = 4) -> str:
    """Number with sign: +0.1234, −0.1234; `unbounded` for None."""
    return "unbounded" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def interval(row: dict[str, Any]) -> str:
    """The 95% interval of a difference: `[−0.12, −0.08]`; `unbounded` for a single document."""
    return "unbounded" if row["low"] is None else f"[{signed(row['low'])}, {signed(row['high'])}]"


def score_rows(summary: dict[str, Any]) -> Rows:
    """Header and rows: bits per byte with intervals and sizes, per domain and model."""
    header = ["domain", "model", "bits per byte", "95% interval", "documents", "MB", "tokens per byte"]
    rows = []
    for row in summary["scores"]:
        bounds = "unbounded" if row["low"] is None else f"[{row['low']:.4f}, {row['high']:.4f}]"
        sizes = [f"{row['documents']:,}", f"{row['bytes'] / 1e6:.2f}", f"{row['tokens'] / row['bytes']:.3f}"]
        rows.append([row["domain"], row["model"], f"{row['bits_per_byte']:.4f}", bounds, *sizes])
    return header, rows


def position_rows(section: dict[str, Any]) -> Rows:
    """Header and rows: nats per token by the number of tokens before, and the difference from the baseline."""
    header = ["tokens before", "model", "nats per token", "95% interval", "difference", "95% interval", "verdict"]
    differences = {(row["model"], row["to"]): row for row in section["differences"]}
    rows = []
    for row in sorted(section["positions"], key=lambda row: row["to"]):
        bounds = "unbounded" if row["low"] is None else f"[{row['low']:.4f}, {row['high']:.4f}]"
        difference = differences.get((row["model"], row["to"]))
        compared = [signed(difference["delta"]), interval(difference), difference["verdict"]] if difference else ["", "", "baseline"]
        where = f"{row['from']:,} to {row['to']:,}" + (" (beyond its limit)" if row["beyond_limit"] else "")
        rows.append([where, row["model"], f"{row['nats_per_token']:.4f}", bounds, *compared])
    return header, rows


def needle_rows(section: dict[str, Any]) -> Rows:
    """Header and rows: share of needles found by model and length, a column for each depth."""
    depths = sorted({row["depth"] for row in section["needle"]})
    found = {(row["model"], row["length"], row["depth"]): f"{row['accuracy']:.0%}" for row in section["needle"]}
    rows = [[model, f"{length:,}", *(found[model, length, depth] for depth in depths)] for model, length in dict.fromkeys(key[:2] for key in found)]
    return ["model", "length", *(f"depth {depth:g}" for depth in depths)], rows


def difference_rows(summary: dict[str, Any]) -> Rows:
    """Header and rows: differences with intervals, minimum detectable effects and verdicts."""
    header = ["domain", "model", "against", "difference", "95% interval", "detectable from", "verdict"]
    rows = []
    for row in summary["differences"]:
        detectable = "unbounded" if row["minimum_detectable"] is None else f"{row['minimum_detectable']:.4f}"
        verdict = row["verdict"] + (f", {row['retained']} tolerance" if "retained" in row else "")
        rows.append([row["domain"], row["model"], row["against"], signed(row["delta"]), interval(row), detectable, verdict])
    return header, rows
