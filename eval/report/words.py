"""Sentences about the figures. Each follows from a verdict that is already in the summary.

A model with another tokenizer or architecture than the baseline did not grow out of it (`derived` false): it has fewer or more bits, and has neither
gained nor forgotten anything.
"""

from collections.abc import Iterable
from typing import Any

from shards.page import signed

Row = dict[str, Any]

_NO_VERDICT = {"too few": "too few documents", "lossy": "no verdict: text is lost"}
_UNRELATED = {"better": "fewer bits", "worse": "more bits", "undetectable": "no detectable difference"}
_GAIN = {"better": "gained", "worse": "lost", "undetectable": "no detectable change"}
LEVEL = 0.05


def outcome(row: Row) -> str:
    """A few words for a difference, depending on the domain's role; parts of domains have none."""
    verdict = row["verdict"]
    if verdict in _NO_VERDICT:
        return _NO_VERDICT[verdict]
    if not row.get("derived", True) or "role" not in row:
        return _UNRELATED[verdict]
    if row["role"] == "gain":
        return _GAIN[verdict]
    if verdict == "better":
        return "improved"
    if row["retained"] == "within":
        return "retained" if verdict == "undetectable" else "forgotten, within tolerance"
    return "forgotten" if verdict == "worse" else "no detectable change"


def tone(row: Row) -> str:
    """`good`, `bad` or `plain`: the colour of a difference. It is plain without a verdict, between models of different origin, and where another seed
    would explain the difference."""
    if row["verdict"] in _NO_VERDICT or not row.get("derived", True) or _is_seed_noise(row):
        return "plain"
    if row["verdict"] == "better" or row.get("retained") == "within":
        return "good"
    return "bad" if row["verdict"] == "worse" else "plain"


def notes(row: Row) -> list[str]:
    """What a verdict is about, and what it leaves out: stands beside it."""
    seeds = row.get("seeds") or 1
    of = f"recipe of {seeds} seeds" if row.get("of") == "recipe" and seeds > 1 else "this checkpoint"
    return [of, *(["smaller than seed noise"] if _is_seed_noise(row) else [])]


def _is_seed_noise(row: Row) -> bool:
    return bool(row.get("below_seed_noise")) and row.get("verdict") in ("better", "worse")


def judged(row: Row) -> Row:
    """The row with its `outcome`, `tone` and `notes`."""
    return row | {"outcome": outcome(row), "tone": tone(row), "notes": notes(row)}


def change_sentence(row: Row, before: float, after: float, tolerance: float) -> str:
    """Sentence about the change on one domain from the baseline; `before` and `after` are bits per byte."""
    return f"{_change_words(row, before, tolerance)}: {before:.3f} → {after:.3f} bits per byte ({interval_words(row)})."


def _change_words(row: Row, before: float, tolerance: float) -> str:
    share, domain, verdict = f"{abs(row['delta']) / before:.1%}", row["domain"], row["verdict"]
    if verdict == "lossy":
        return f"No verdict on {domain}, because a tokenizer loses text of it"
    if verdict == "too few":
        return f"No verdict on {domain}, because {_sample_words(row)} are too few"
    if verdict == "undetectable" and row.get("derived", True) and row["role"] == "retain":
        where = f"and any is within the tolerance of {tolerance:g}" if row["retained"] == "within" else f"but it may exceed the tolerance of {tolerance:g}"
        return f"On {domain} no forgetting can be detected{_detectable(row)}, {where}"
    if verdict == "undetectable":
        return f"On {domain} no {'change' if row.get('derived', True) else 'difference'} can be detected{_detectable(row)}"
    size = f"{share} {'fewer' if verdict == 'better' else 'more'} bits on {domain}"
    if not row.get("derived", True) or row["role"] == "gain":
        return size
    if verdict == "better":
        return f"Nothing was forgotten: {size}"
    where = {"within": "within", "beyond": "beyond", "undecided": "perhaps beyond", "too few": "perhaps beyond"}[row["retained"]]
    return f"Partly forgotten: {size}, {where} the tolerance of {tolerance:g}"


def _sample_words(row: Row) -> str:
    """`12 documents, worth 4.1 independent ones,`: the second part only where it is known and smaller."""
    documents, effective = row.get("documents"), row.get("effective")
    known = "its documents" if documents is None else f"{documents:,} documents"
    return known if effective is None or (documents is not None and effective > 0.95 * documents) else f"{known}, worth {effective:.3g} independent ones,"


def _detectable(row: Row) -> str:
    """Why nothing was detected: the correction for several verdicts, or else the size that would have been needed."""
    p_value, adjusted = row.get("p_value"), row.get("adjusted_p")
    if p_value is not None and adjusted is not None and p_value < LEVEL <= adjusted:
        return " once all verdicts of this report are counted"
    return "" if row["minimum_detectable"] is None else f" (a change of {row['minimum_detectable']:.3f} would probably be detected)"


def interval_words(row: Row) -> str:
    """`95% interval of the change −0.412 to −0.408`."""
    return "no interval from one document" if row["low"] is None else f"95% interval of the change {signed(row['low'], 3)} to {signed(row['high'], 3)}"


def comparison_sentence(rows: list[Row]) -> str:
    """Sentence that compares two adapted models on all domains. Its subject is the model that retained more (else: gained more)."""
    ordered = sorted(rows, key=lambda row: row["role"] != "retain")
    swap = ordered[0]["delta"] > 0
    subject, other = (rows[0]["against"], rows[0]["model"]) if swap else (rows[0]["model"], rows[0]["against"])
    told = [row for row in ordered if row["verdict"] in ("better", "worse")]
    differences = [_difference_words(row, swap, with_unit=index == 0) for index, row in enumerate(told)]
    same = [row["domain"] for row in ordered if row["verdict"] == "undetectable"]
    unknown = [row["domain"] for row in ordered if row["verdict"] in _NO_VERDICT]
    parts = [join(differences)] if differences else []
    parts += [f"no detectable difference on {join(same)}"] if same else []
    parts += [f"no verdict on {join(unknown)}"] if unknown else []
    return f"{subject} against {other}: {'; '.join(parts)}."


def _difference_words(row: Row, swap: bool, *, with_unit: bool) -> str:
    fewer = (row["verdict"] == "better") != swap
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    unit = " bits per byte" if with_unit else ""
    return f"{abs(row['delta']):.3f}{unit} {'fewer' if fewer else 'more'} on {row['domain']} (95% interval {low:.3f} to {high:.3f})"


def mix_words(preview: dict[str, Any]) -> str:
    """`0.60 M tokens: 70% domain and 30% general`."""
    shares = join(f"{source['got']:.0%} {source['name']}" for source in preview["sources"] if source["got"])
    return f"{preview['tokens'] / 1e6:,.2f} M tokens: {shares}"


def join(parts: Iterable[str]) -> str:
    """`a, b and c`; "" for no parts."""
    *most, last = [*parts] or [""]
    return f"{', '.join(most)} and {last}" if most else last
