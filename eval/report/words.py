"""Sentences about the figures. Each follows from a verdict that is already in the summary."""

from collections.abc import Iterable
from typing import Any

from eval.tables import signed

Row = dict[str, Any]

TOO_FEW = "too few documents"
GAIN_WORDS = {"better": "gained", "worse": "lost", "undetectable": "no detectable change", "too few": TOO_FEW}


def outcome(row: Row) -> str:
    """One or two words for a difference from the baseline, depending on the domain's role."""
    if row["role"] == "gain":
        return GAIN_WORDS[row["verdict"]]
    if row["verdict"] == "better":
        return "improved"
    if row["verdict"] == "too few":
        return TOO_FEW
    if row["retained"] == "within":
        return "retained" if row["verdict"] == "undetectable" else "forgotten, within tolerance"
    return "forgotten" if row["verdict"] == "worse" else "no detectable change"


def tone(row: Row) -> str:
    """`good`, `bad` or `plain`: the colour of a difference."""
    if row["verdict"] == "better" or row.get("retained") == "within":
        return "good"
    return "bad" if row["verdict"] == "worse" else "plain"


def change_sentence(row: Row, before: float, after: float, tolerance: float) -> str:
    """Sentence about the change on one domain from the baseline; `before` and `after` are bits per byte."""
    size = f"{before:.3f} → {after:.3f} bits per byte ({interval_words(row)})"
    if row["role"] == "gain":
        return f"{_gain_words(row, before)}: {size}."
    return f"{_retain_words(row, before, tolerance)}: {size}."


def _gain_words(row: Row, before: float) -> str:
    share = f"{abs(row['delta']) / before:.1%}"
    if row["verdict"] == "too few":
        return f"No verdict on {row['domain']}, {TOO_FEW}"
    if row["verdict"] == "undetectable":
        return f"On {row['domain']} no change can be detected{_detectable(row)}"
    return f"{share} {'fewer' if row['verdict'] == 'better' else 'more'} bits on {row['domain']}"


def _retain_words(row: Row, before: float, tolerance: float) -> str:
    share, domain = f"{abs(row['delta']) / before:.1%}", row["domain"]
    if row["verdict"] == "too few":
        return f"No verdict on {domain}, {TOO_FEW}"
    if row["verdict"] == "better":
        return f"Nothing was forgotten: {share} fewer bits on {domain}"
    limit = f"the tolerance of {tolerance:g}"
    if row["verdict"] == "worse":
        where = {"within": f"within {limit}", "beyond": f"beyond {limit}", "undecided": f"perhaps beyond {limit}"}[row["retained"]]
        return f"Partly forgotten: {share} more bits on {domain}, {where}"
    where = f"and any is within {limit}" if row["retained"] == "within" else f"but it may exceed {limit}"
    return f"On {domain} no forgetting can be detected{_detectable(row)}, {where}"


def _detectable(row: Row) -> str:
    return "" if row["minimum_detectable"] is None else f" (a change of {row['minimum_detectable']:.3f} would probably be detected)"


def interval_words(row: Row) -> str:
    """`95% interval of the change −0.412 to −0.408`."""
    return "no interval from one document" if row["low"] is None else f"95% interval of the change {signed(row['low'], 3)} to {signed(row['high'], 3)}"


def comparison_sentence(rows: list[Row]) -> str:
    """Sentence that compares two adapted models on all domains. Its subject is the model that retained more (else: gained more)."""
    ordered = sorted(rows, key=lambda row: row["role"] != "retain")
    swap = ordered[0]["delta"] > 0
    subject, other = (rows[0]["against"], rows[0]["model"]) if swap else (rows[0]["model"], rows[0]["against"])
    return f"Compared with {other}, {subject} {join(_comparison_part(row, swap) for row in ordered)}."


def _comparison_part(row: Row, swap: bool) -> str:
    if row["verdict"] == "undetectable":
        return f"does not detectably differ on {row['domain']}"
    if row["verdict"] == "too few":
        return f"cannot be judged on {row['domain']} ({TOO_FEW})"
    better = (row["verdict"] == "better") != swap
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    return f"takes {abs(row['delta']):.3f} ({low:.3f} to {high:.3f}) bits per byte {'fewer' if better else 'more'} on {row['domain']}"


def mix_words(preview: dict[str, Any]) -> str:
    """`70% domain, 30% general; 0.60 M tokens`."""
    shares = join(f"{source['got']:.0%} {source['name']}" for source in preview["sources"] if source["got"])
    return f"{preview['tokens'] / 1e6:,.2f} M tokens: {shares}"


def join(parts: Iterable[str]) -> str:
    """`a, b and c`; "" for no parts."""
    *most, last = [*parts] or [""]
    return f"{', '.join(most)} and {last}" if most else last
