"""The summary that `curate run` prints at its end."""

from pathlib import Path
from typing import Any

from curate.pipeline.run import Outcome
from curate.report.warnings import command
from shards import console

_SHOWN_FAULTS = 10


def print_summary(outcome: Outcome, out: Path) -> int:
    """What was read, kept and dropped, and why. Returns the exit code: 1 if a file could not be read to its end, else 0."""
    report = outcome.report
    counts, n_bytes = report["counts"], report["bytes"]
    rows = [(row["stage"], row["rule"], f"{row['documents']:,}", f"{row['bytes'] / 1e6:,.1f}", f"{row['remaining']:,}") for row in report["funnel"]]
    if rows and not outcome.was_done:
        console.print_table("first reason to drop a document", ["stage", "rule", "documents", "MB", "remaining"], rows)
    lines: dict[str, Any] = {
        "records": _records(report["records"]),
        "read": f"{counts['read']:,} documents, {n_bytes['read'] / 1e6:,.1f} MB",
        "kept": f"{counts['kept']:,} documents, {n_bytes['kept'] / 1e6:,.1f} MB",
    }
    if counts["held_out"]:
        lines["held out"] = f"{counts['held_out']:,} documents, {n_bytes['held_out'] / 1e6:,.1f} MB"
    lines["dropped"] = f"{counts['dropped']:,} documents; {counts['unreadable']:,} more could not be read"
    if outcome.skipped:
        lines["skipped"] = ", ".join(f"{n:,} {name or 'without extension'}" for name, n in sorted(outcome.skipped.items()))
    for index, fault in enumerate(report["faults"][:_SHOWN_FAULTS]):
        lines[f"fault {index + 1}"] = f"{fault['file']}: {fault['problem']}"
    if len(report["faults"]) > _SHOWN_FAULTS:
        lines["more faults"] = f"{len(report['faults']) - _SHOWN_FAULTS:,}, in report.json"
    for index, warning in enumerate(report["warnings"]):
        lines[f"warning {index + 1}"] = "; look at them: ".join(filter(None, (warning["text"], command(warning, out))))
    lines["written to"] = out
    console.summary("nothing to do: this recipe was already run on these inputs" if outcome.was_done else f"curated {report['name']}", lines)
    return 1 if report["faults"] else 0


def _records(records: dict[str, Any]) -> str:
    """E.g. `9 seen: 4 documents, 1 unreadable, 4 passed over (request 3, image 1)`."""
    words = f"{records['seen']:,} seen: {records['documents']:,} documents, {records['unreadable']:,} unreadable"
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in records["passed_over"].items())
    return words + (f", {sum(records['passed_over'].values()):,} passed over ({kinds})" if kinds else "")
