"""`evaluate run` and `evaluate report`."""

from pathlib import Path
from typing import Annotated

import typer

from eval.recipe import EvaluateRecipe, ReportRecipe
from shards.console import main as run_command
from shards.console import new_app, print_table, summary
from shards.recipe import load_recipe

app = new_app("Score models on held-out text, and report what was gained and what was forgotten.")

RecipePath = Annotated[Path, typer.Argument(help="YAML recipe.", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="key.subkey=value in place of the recipe's; may be repeated.")]
Out = Annotated[Path | None, typer.Option(help="In place of the recipe's `out`.")]


def _overrides(overrides: list[str] | None, out: Path | None) -> list[str]:
    return [*(overrides or []), *([f"out={out}"] if out else [])]


@app.command("run")
def run(recipe: RecipePath, out: Out = None, overrides: Overrides = None) -> None:
    """Bits per byte of each model on each domain's held-out documents, with intervals and verdicts."""
    loaded = load_recipe(recipe, EvaluateRecipe, _overrides(overrides, out))
    from eval.run import run as run_recipe
    from eval.tables import difference_rows, score_rows

    result = run_recipe(loaded)
    print_table("Bits per byte", *score_rows(result))
    print_table("Differences in bits per byte (negative is better)", *difference_rows(result))
    summary(f"Evaluated {result['name']}", {"scores": loaded.out, "summary": loaded.out / "summary.json"})


@app.command("report")
def report(recipe: RecipePath, out: Out = None, overrides: Overrides = None) -> None:
    """One self-contained HTML page, with the same figures in report.json beside it."""
    loaded = load_recipe(recipe, ReportRecipe, _overrides(overrides, out))
    from eval.report.write import write_report

    written = write_report(loaded)
    summary(f"Reported {loaded.title}", {path.suffix[1:]: path for path in written})


def main() -> None:
    """Entry point of the command `evaluate`."""
    run_command(app)
