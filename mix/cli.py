"""The `mix` command."""

from pathlib import Path
from typing import Annotated

import typer

from shards import console
from shards.amounts import tokens_given_as

app = console.new_app("Pack token shards into rows, and mix them at exact shares of real tokens.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]

At = Annotated[int | None, typer.Option(min=1, help="Number of rows to keep.")]
AtStep = Annotated[int | None, typer.Option(min=1, help="Keep the rows of this many training steps; needs --batch-rows.")]
BatchRows = Annotated[int | None, typer.Option(min=1, help="Rows per training step over all devices.")]
AtCheckpoint = Annotated[Path | None, typer.Option(help="Keep the rows that this checkpoint of `train` was trained on: a folder OUT/checkpoints/step-N.")]


@app.command("preview")
def preview_command(
    recipe: console.RecipeArgument,
    out: console.OutOption = None,
    batch_rows: Annotated[int | None, typer.Option(min=1, help="Rows per training step over all devices, to count steps.")] = None,
    tokens_per_second: Annotated[str | None, typer.Option(help="Training speed in real tokens per second over all devices, to count hours.")] = None,
    json: Json = False,
    set_: console.SetOption = None,
) -> None:
    """Show shares, epochs, repeats, padding, steps, hours and the limiting source of a mix, without writing anything."""
    from mix.build import preview
    from mix.preview import show, with_costs
    from mix.recipe import MixRecipe
    from shards.recipe import load_recipe

    speed = tokens_given_as("--tokens-per-second", tokens_per_second)
    content = preview(load_recipe(recipe, MixRecipe, set_, {"out": out}))
    console.show_or_dump(with_costs(content, batch_rows, speed), show, as_json=json)


@app.command("build")
def build_command(recipe: console.RecipeArgument, out: console.OutOption = None, workers: console.WorkersOption = None, set_: console.SetOption = None) -> None:
    """Pack the sources into rows and write the plan; a killed build resumes."""
    from mix.build import build
    from mix.preview import show
    from mix.recipe import MixRecipe
    from shards.recipe import load_recipe

    loaded = load_recipe(recipe, MixRecipe, set_, {"out": out, "workers": workers})
    plan, content = build(loaded)
    show(content)
    console.summary("mix built", {"rows": f"{plan.n_rows:,}", "tokens": f"{plan.n_tokens:,}", "plan": plan.hash, "written to": loaded.out})


@app.command("extend")
def extend_command(
    mix: Annotated[Path, typer.Argument(help="Folder of a built mix.")],
    recipe: Annotated[Path, typer.Argument(help="Mix recipe (YAML) with the stages after the kept rows, and all sources.")],
    at: At = None,
    at_step: AtStep = None,
    batch_rows: BatchRows = None,
    at_checkpoint: AtCheckpoint = None,
    out: console.OutOption = None,
    workers: console.WorkersOption = None,
    set_: console.SetOption = None,
) -> None:
    """Build a mix that keeps the first rows of another one and goes on with other weights or sources; a training run continues on it."""
    from mix.build import build
    from mix.extend import join_row
    from mix.preview import show
    from mix.recipe import MixRecipe
    from shards.recipe import load_recipe

    rows = join_row(at, at_step, batch_rows, at_checkpoint)
    loaded = load_recipe(recipe, MixRecipe, set_, {"out": out, "workers": workers, "extends.mix": mix, "extends.rows": rows})
    plan, content = build(loaded)
    show(content)
    kept = f"{rows:,} rows of {mix}"
    console.summary("mix extended", {"kept": kept, "rows": f"{plan.n_rows:,}", "tokens": f"{plan.n_tokens:,}", "plan": plan.hash, "written to": loaded.out})


@app.command("inspect")
def inspect_command(
    mix: Annotated[str, typer.Argument(help="Folder of a built mix, or its URL.")],
    row: Annotated[int, typer.Option(help="Number of the row in the run.")],
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of the tokenizer, to show text.")] = None,
    documents: Annotated[
        list[Path] | None, typer.Option(help="Documents set that holds the row's documents. Default: searched near the mix by its hash.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what one row of the run holds: documents, lengths, the files they were read from, and with a tokenizer their text."""
    from mix.row_view import inspect_row, show_row

    console.show_or_dump(inspect_row(mix, row, tokenizer, documents or ()), show_row, as_json=json)


@app.command("diff")
def diff_command(
    a: Annotated[Path, typer.Argument(help="Folder of a built mix.")],
    b: Annotated[Path, typer.Argument(help="Folder of another built mix.")],
    rows: Annotated[int | None, typer.Option(help="Compare the order of at most this many rows.")] = None,
    json: Json = False,
) -> None:
    """Show how two mixes differ: recipes, sources, stages, epochs, the first different row, and what prevents a run from resuming."""
    from mix.difference import difference, show_difference

    console.show_or_dump(difference(a, b, rows), show_difference, as_json=json)


@app.command("reweight")
def reweight_command(
    recipe: console.RecipeArgument,
    losses: Annotated[Path, typer.Option(help="Losses by source: metrics.jsonl, summary.json, a table of runs (.csv, .parquet), or {source: nats}.")],
    out: Annotated[Path, typer.Option(help="File to write the next recipe to.")],
    rule: Annotated[str, typer.Option(help="syne, doremi or odm.")] = "syne",
    before: Annotated[Path | None, typer.Option(help="Losses of an earlier checkpoint (syne) or of a reference model (doremi).")] = None,
    tokens: Annotated[
        str | None,
        typer.Option(help="Add a stage of this many tokens. Default: replace the last stage's weights; with --extends: the tokens that the mix has left."),
    ] = None,
    extends: Annotated[
        Path | None, typer.Option(help="Built mix of this recipe. The next recipe keeps its first rows; say how many with one --at option.")
    ] = None,
    at: At = None,
    at_step: AtStep = None,
    batch_rows: BatchRows = None,
    at_checkpoint: AtCheckpoint = None,
    last: Annotated[int, typer.Option(help="Number of last steps of a metrics.jsonl to average.", min=1)] = 100,
    model: Annotated[str | None, typer.Option(help="Model of a summary.json, or run of a table, to take the losses of.")] = None,
    before_model: Annotated[str | None, typer.Option(help="The same for --before. Default: that of --model.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override an option of the rule: key=value.")] = None,
) -> None:
    """Turn measured losses into the next weights, written as a new recipe that records where they came from."""
    from mix.extend import extended_at
    from mix.reweight.step import LossFiles, reweight, write_recipe

    extended = extended_at(extends, at, at_step, batch_rows, at_checkpoint)
    result = reweight(recipe, rule, LossFiles(losses, before, last, model, before_model), tokens=tokens, options=set_ or [], extended=extended)
    write_recipe(out, result.recipe)
    rows = [
        (name, f"{loss:.4f}", f"{old:.3%}", f"{new:.3%}")
        for name, loss, old, new in zip(result.sources, result.losses, result.weights, result.next, strict=True)
    ]
    console.print_table(f"weights by {rule}", ("source", "loss (nats)", "before", "next"), rows)
    console.summary("re-weighted", {"written to": out})


@app.command("runs")
def runs_command(
    paths: Annotated[list[Path], typer.Argument(help="Folders with outputs of `train`, `evaluate run` and `mix proxies`, at any depth; or tables of runs.")],
    out: Annotated[Path | None, typer.Option(help="File to write the table to: .csv or .parquet.")] = None,
    pretraining_tokens: Annotated[str | None, typer.Option(help="Tokens that the base model was trained on, e.g. 300B.")] = None,
    json: Json = False,
) -> None:
    """Gather a table of runs, and show its sources, its domains and the noise between repeated runs."""
    from mix.runs.gather import gather_all
    from mix.runs.show import describe, show, show_written
    from mix.runs.write import write_runs

    runs, notes = gather_all(paths, pretraining_tokens=tokens_given_as("--pretraining-tokens", pretraining_tokens))
    if out is not None:
        write_runs(out, runs)
    console.show_or_dump(describe(runs, notes), show, as_json=json)
    if out is not None and not json:
        show_written(out)


@app.command("fit")
def fit_command(
    recipe: console.RecipeArgument,
    law: Annotated[str | None, typer.Option(help="auto, or a law's name for all domains; overrides the recipe's `law`.")] = None,
    out: console.OutOption = None,
    workers: console.WorkersOption = None,
    json: Json = False,
    set_: console.SetOption = None,
) -> None:
    """Fit laws of the loss to a table of runs, test them on runs that they were not fitted to, and choose one for each domain."""
    from mix.laws.extra import need_laws_extra

    need_laws_extra("mix fit")
    from mix.fit.fit import fit
    from mix.fit.recipe import FitRecipe
    from mix.fit.show import show
    from shards.recipe import load_run_recipe

    loaded, folder = load_run_recipe(recipe, FitRecipe, set_, {"law": law, "out": out, "workers": workers})
    console.show_or_dump(fit(loaded, folder).model_dump(mode="json"), show, as_json=json)
    if not json:
        console.summary("laws fitted", {"written to": folder})


@app.command("proxies")
def proxies_command(
    recipe: console.RecipeArgument,
    out: console.OutOption = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at the same time; overrides the recipe's `workers`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show runs, tokens and hours, and write nothing.")] = False,
    commands: Annotated[bool, typer.Option("--commands", help="Print a shell line for each run that is left, for xargs or a job array.")] = False,
    only: Annotated[str | None, typer.Option(help="Do this run and those that it needs, as a line of --commands does.")] = None,
    json: Json = False,
    set_: console.SetOption = None,
) -> None:
    """Train or merge small models at designed ratios, evaluate them, and gather a table of runs. A killed or failed experiment resumes."""
    from mix.proxies import cost
    from mix.proxies.recipe import ProxiesRecipe
    from mix.proxies.run import plan, run, shell_lines
    from shards.recipe import load_recipe

    planned = plan(load_recipe(recipe, ProxiesRecipe, set_, {"out": out, "workers": workers}))
    if dry_run:
        return console.show_or_dump(cost.costs(planned), cost.show_costs, as_json=json)
    if commands:
        return console.show_text("\n".join(shell_lines(planned)))
    console.summary(*run(planned, only))


@app.command("suggest")
def suggest_command(recipe: console.RecipeArgument, out: console.OutOption = None, json: Json = False, set_: console.SetOption = None) -> None:
    """Choose the ratio for a target under a budget of forgetting, from the runs of `mix fit`, and say how sure that is; rerun it once the ratio was run."""
    from mix.laws.extra import need_laws_extra
    from mix.suggest.recipe import SuggestRecipe
    from shards.recipe import load_recipe

    loaded = load_recipe(recipe, SuggestRecipe, set_, {"out": out})
    need_laws_extra("mix suggest")
    from mix.suggest.run import run
    from mix.suggest.show import show

    suggestion = run(loaded)
    console.show_or_dump(suggestion.content(), lambda _: show(suggestion, loaded.out), as_json=json)


def main() -> None:
    """Entry point of the `mix` command."""
    console.main(app)
