"""Formats summaries as rows of text, for the terminal and the report."""

from typing import Any

Rows = tuple[list[str], list[list[str]]]


def signed(value: float | None, digits: int = 4) -> str:
    """Number with sign: +0.1234, −0.1234; `unbounded` for None."""
    return "unbounded" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def interval(row: dict[str, Any]) -> str:
    """The 95% interval of a difference: `[−0.12, −0.08]`; `unbounded` for a single document."""
    return "unbounded" if row["low"] is None else f"[{signed(row['low'])}, {signed(row['high'])}]"


def contamination_words(section: dict[str, Any] | None, key: str) -> list[str]:
    """One sentence for each domain or task (`key`) of which something stands in the training sets; a sentence that nothing does; [] if nothing was
    checked."""
    if section is None:
        return []
    kinds = {"exact": "equal", "near": "nearly equal", "contained": "for the most part contained", "covered": "partly contained"}
    left_out, sentences = section.get("left_out", {}), []
    for name, counts in section[key].items():
        found = [f"{counts[kind]:,} {words}" for kind, words in kinds.items() if counts[kind]]
        if found:
            of = f"Contamination: of {counts['items']:,} items of {name}, {', '.join(found)}"
            sentences.append(f"{of} in the training sets; the file also has scores without them.")
        if left_out.get(name):
            sentences.append(f"Contamination: {left_out[name]:,} items of {name} were left out, because they stand in the training sets.")
    return sentences or ["Contamination: nothing scored stands in the training sets, as a whole or for a large part."]


def score_rows(summary: dict[str, Any]) -> Rows:
    """Header and rows: bits per byte with intervals and sizes, per domain and model. `effective`: number of equal clusters that weigh as much."""
    header = ["domain", "model", "bits per byte", "95% interval", "documents", "effective", "MB", "tokens per byte", "bytes lost"]
    rows = []
    for row in summary["scores"]:
        bounds = "unbounded" if row["low"] is None else f"[{row['low']:.4f}, {row['high']:.4f}]"
        sizes = [f"{row['documents']:,}", _effective(row), f"{row['bytes'] / 1e6:.2f}", f"{row['tokens'] / row['bytes']:.3f}"]
        rows.append([row["domain"], row["model"], f"{row['bits_per_byte']:.4f}", bounds, *sizes, f"{row.get('lost_bytes', 0) / row['bytes']:.2%}"])
    return header, rows


def _effective(row: dict[str, Any]) -> str:
    return f"{row['effective']:.3g} of {row['clusters']:,}" if "effective" in row else ""


def position_rows(section: dict[str, Any]) -> Rows:
    """Header and rows: nats per token by the number of tokens before, and the difference from the baseline."""
    header = ["tokens before", "model", "nats per token", "95% interval", "difference", "its 95% interval", "verdict"]
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
    header = ["domain", "model", "against", "of", "difference", "its 95% interval", "detectable from", "verdict"]
    return header, [[row["domain"], row["model"], row["against"], row.get("of", ""), *_compared(row)] for row in summary["differences"]]


def slice_rows(summary: dict[str, Any]) -> Rows:
    """Header and rows: differences from the baseline on parts of domains."""
    header = ["domain", "slice", "value", "model", "documents", "difference", "its 95% interval", "detectable from", "verdict"]
    rows = [[row["domain"], row["slice"], row["value"], row["model"], f"{row['documents']:,}", *_compared(row)] for row in summary["slices"]]
    return header, rows


def transfer_rows(section: dict[str, Any]) -> Rows:
    """Header and rows: backward transfer (later steps' effect on a domain) and forward transfer (earlier steps' effect), by domain and on average."""
    header = ["transfer", "domain", "model", "against", "difference", "its 95% interval", "detectable from", "verdict"]
    return header, [[row["kind"], row["domain"], row["model"] or "", row["against"] or "", *_compared(row)] for row in section["rows"]]


def _compared(row: dict[str, Any]) -> list[str]:
    """Difference, interval, smallest detectable difference, and verdict with what it leaves out."""
    detectable = "unbounded" if row["minimum_detectable"] is None else f"{row['minimum_detectable']:.4f}"
    words = row["verdict"]
    if row.get("retained") and row["retained"] != words:
        words += f", {row['retained']} tolerance"
    if row.get("below_seed_noise") and row["verdict"] in ("better", "worse"):
        words += ", smaller than seed noise"
    return [signed(row["delta"]), interval(row), detectable, words]
