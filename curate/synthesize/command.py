"""What `curate synthesize` and `curate tasks` show at the end."""

from pathlib import Path
from typing import Any

from curate.synthesize.align import align_sets
from curate.synthesize.dry_run import estimate, shown
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.run import make_plan, run
from curate.synthesize.task import load_task, shipped_tasks
from shards import console

_MOST_RULES = 8


def synthesize(recipe: SynthesizeRecipe, out: Path, workers: int, *, dry_run: bool, accept_changes: bool) -> int:
    """Run or count, and print. Returns the exit code: 1 if no document was made."""
    if dry_run:
        plan = make_plan(recipe, out)
        console.summary(f"{plan.task.name}: a run would ask for", shown(plan, estimate(plan)))
        return 0
    outcome = run(recipe, out, workers, accept_changes=accept_changes)
    report = outcome.report
    title = f"{report['name']}: was done already" if outcome.was_done else f"{report['name']}: {report['counts'].get('documents', 0):,} documents"
    console.summary(title, _lines(report, out))
    return 0 if report["counts"].get("documents") else 1


def align(first: Path, second: Path, by: str, language: str, out: Path) -> None:
    """Align, and print."""
    counts = align_sets(first, second, by, language, out)
    console.summary("aligned", {"read": f"{counts['documents']:,} documents", "with a translation": f"{counts['aligned']:,}", "written to": out})


def print_tasks() -> None:
    """List the shipped tasks."""
    tasks = [load_task(name) for name in shipped_tasks()]
    rows = [(task.name, "rules" if task.miner else "model", task.description, ", ".join(task.options)) for task in tasks]
    console.print_table("tasks", ("name", "by", "what it makes", "options"), rows)


def _lines(report: dict[str, Any], out: Path) -> dict[str, Any]:
    counts = report["counts"]
    lines = {"read": f"{counts.get('sources', 0):,} documents", "made": f"{counts.get('documents', 0):,} documents, {counts.get('bytes', 0) / 1e6:,.1f} MB"}
    if counts.get("prompt_tokens") or counts.get("completion_tokens"):
        tokens = f"{counts.get('prompt_tokens', 0):,} prompt and {counts.get('completion_tokens', 0):,} completion tokens"
        lines["answers"] = f"{counts.get('parts', 0):,} from {report['model']}, {tokens}"
    if "labelled" in counts:
        lines["labelled"] = f"{counts['labelled']:,} documents"
    for rule, n in list(report["verdicts"].items())[:_MOST_RULES]:
        lines[rule] = f"{n:,}"
    return lines | {"written to": out / "documents"}
