"""The summaries that `curate synthesize`, `curate align` and `curate tasks` print."""

from pathlib import Path
from typing import Any

from curate.synthesize.align import align_sets
from curate.synthesize.dry_run import estimate, summary
from curate.synthesize.folder import Synthesis
from curate.synthesize.recipe import SynthesizeRecipe
from curate.synthesize.run import make_plan, run
from curate.synthesize.task import load_task, shipped_tasks
from shards import console

_MAX_RULES = 8


def synthesize(recipe: SynthesizeRecipe, out: Path, workers: int, *, dry_run: bool, accept_changes: bool) -> int:
    """Run, or estimate with `dry_run`, and print a summary. Returns the exit code: 1 if no document was made."""
    if dry_run:
        plan = make_plan(recipe, out)
        console.summary(f"{plan.task.name}: a run would request", summary(plan, estimate(plan)))
        return 0
    synthesis, was_done = run(recipe, out, workers, accept_changes=accept_changes)
    title = f"{synthesis.name}: already finished" if was_done else f"{synthesis.name}: {synthesis.counts.get('documents', 0):,} documents"
    console.summary(title, _lines(synthesis, out))
    return 0 if synthesis.counts.get("documents") else 1


def align(first: Path, second: Path, by: str, language: str, out: Path) -> None:
    """Align two documents sets and print a summary; see `align_sets`."""
    counts = align_sets(first, second, by, language, out)
    console.summary("aligned", {"read": f"{counts['documents']:,} documents", "with a translation": f"{counts['aligned']:,}", "written to": out})


def print_tasks() -> None:
    """Print a table of the shipped tasks."""
    tasks = [load_task(name) for name in shipped_tasks()]
    rows = [(task.name, "rules" if task.miner else "model", task.description, ", ".join(task.options)) for task in tasks]
    console.print_table("tasks", ("name", "by", "what it makes", "options"), rows)


def _lines(synthesis: Synthesis, out: Path) -> dict[str, Any]:
    counts = synthesis.counts
    lines = {"read": f"{counts.get('sources', 0):,} documents", "made": f"{counts.get('documents', 0):,} documents, {counts.get('bytes', 0) / 1e6:,.1f} MB"}
    if counts.get("prompt_tokens") or counts.get("completion_tokens"):
        tokens = f"{counts.get('prompt_tokens', 0):,} prompt and {counts.get('completion_tokens', 0):,} completion tokens"
        lines["answers"] = f"{counts.get('parts', 0):,} from {synthesis.model}, {tokens}"
    if "labelled" in counts:
        lines["labelled"] = f"{counts['labelled']:,} documents"
    for rule, n in list(synthesis.verdicts.items())[:_MAX_RULES]:
        lines[rule] = f"{n:,}"
    return lines | {"written to": out / "documents"}
