"""The `curate` command: arguments in, one call, a summary out."""

from pathlib import Path
from typing import Annotated

import typer

from shards import console

app = console.new_app("Raw text to documents worth training on, with a reason for everything that was dropped.")

RunOption = Annotated[Path, typer.Option("--run", help="Output folder of `curate run`.")]


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe.")],
    out: Annotated[Path | None, typer.Option(help="Output folder; overrides the recipe's `out`.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; the result does not depend on it.")] = None,
    engine: Annotated[str | None, typer.Option(help="local, slurm or ray; overrides the recipe's `engine.kind`.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key: dedup.exact=false")] = None,
) -> None:
    """Curate a corpus. Rerun the same command to resume."""
    from curate.recipe import load_curate_recipe
    from curate.run import run as run_recipe
    from curate.summary import print_summary

    loaded, folder, processes = load_curate_recipe(recipe, [*(set_ or ()), *([f"engine.kind={engine}"] if engine else [])], out, workers)
    outcome = run_recipe(loaded, folder, processes)
    raise typer.Exit(print_summary(outcome, folder))


@app.command()
def why(
    doc_id: Annotated[str, typer.Argument(help="First digits of a document's id, or FILE or FILE:ROW as in the verdict table.")],
    folder: RunOption,
) -> None:
    """Explain what happened to a document: every verdict with value and threshold, and the copy that was kept instead."""
    from curate.verdicts import explain

    print("\n".join(explain(folder, doc_id)))


@app.command()
def sample(
    folder: RunOption,
    dropped_by: Annotated[str | None, typer.Option("--dropped-by", help="Rule, as in the report.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Documents that were kept.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 5,
    seed: Annotated[int, typer.Option(help="Other documents with another seed.")] = 0,
) -> None:
    """Show documents that a rule dropped, or that were kept."""
    from curate.verdicts import sample as sample_of

    print("\n".join(sample_of(folder, dropped_by, kept, n, seed)))


@app.command()
def rules(
    name: Annotated[
        str | None, typer.Argument(help="A rule set by name, or the path of one of your own; without it, all that ship with curate are listed.")
    ] = None,
) -> None:
    """List the rule sets, or show the rules, thresholds and signals of one."""
    from curate.rules_page import print_rule_set, print_rule_sets

    print_rule_sets() if name is None else print_rule_set(name)


@app.command("fetch-model")
def fetch_model(
    name: Annotated[str, typer.Argument(help="lid.176.ftz, lid.176.bin or glotlid.")],
    out: Annotated[Path, typer.Option(help="Folder to put it in.")] = Path("models"),
    sha256: Annotated[str | None, typer.Option(help="Refuse a file with another checksum.")] = None,
) -> None:
    """Download a fastText language model and check it."""
    from curate.models.language_fetch import fetch_model as fetch

    fetched = fetch(name, out, sha256)
    console.summary(f"fetched {name}", {"file": fetched.path, "sha256": fetched.sha256, "checked": fetched.checked_against})


def main() -> None:
    """Entry point."""
    console.main(app)
