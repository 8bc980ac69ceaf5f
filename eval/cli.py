"""The commands of `evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from eval.probes.recipe import ProbesRecipe
from eval.recipe import EvaluateRecipe
from eval.report.recipe import ReportRecipe
from eval.tasks.recipe import TasksRecipe
from shards import console
from shards.recipe import load_recipe

Cost = Literal["tokens", "seconds", "gpu_hours"]

app = console.new_app("Score models on held-out text, and report what was gained and what was forgotten.")


@app.command("run")
def run(recipe: console.RecipeArgument, out: console.OutOption = None, set_: console.SetOption = None) -> None:
    """Measure bits per byte of each model on each domain's held-out documents, with intervals and verdicts."""
    loaded = load_recipe(recipe, EvaluateRecipe, set_, {"out": out})
    from eval.run import run as run_recipe
    from eval.tables import contamination_words, difference_rows, needle_rows, position_rows, score_rows, slice_rows, transfer_rows

    result = run_recipe(loaded)
    console.print_table("Bits per byte", *score_rows(result))
    console.print_table("Differences in bits per byte (negative is better)", *difference_rows(result))
    if "slices" in result:
        console.print_table("Differences on slices (exploratory: corrected among themselves)", *slice_rows(result))
    if "transfer" in result:
        console.print_table("Transfer along the chain, in bits per byte (negative is better)", *transfer_rows(result["transfer"]))
    for sentence in contamination_words(result.get("contamination"), "domains"):
        console.show_text(sentence)
    if section := result.get("long_context"):
        console.print_table("Nats per token by the number of tokens before (negative differences are better)", *position_rows(section))
        if section["needle"]:
            console.print_table(f"Needles found (by chance: {section['needle'][0]['chance']:.0%})", *needle_rows(section))
    console.summary(f"Evaluated {result['name']}", {"scores": loaded.out, "summary": loaded.out / "summary.json"})


@app.command("tasks")
def tasks(recipe: console.RecipeArgument, out: console.OutOption = None, set_: console.SetOption = None) -> None:
    """Ask each model the questions of benchmark tasks, and compare the models item by item."""
    loaded = load_recipe(recipe, TasksRecipe, set_, {"out": out})
    from eval.tables import contamination_words
    from eval.tasks.run import run_tasks
    from eval.tasks.tables import task_difference_rows, task_score_rows

    result = run_tasks(loaded)
    console.print_table("Tasks", *task_score_rows(result))
    if result["differences"]:
        console.print_table("Differences (fewer bits and more right answers are better)", *task_difference_rows(result))
    for sentence in contamination_words(result.get("contamination"), "tasks"):
        console.show_text(sentence)
    console.summary(f"Asked {result['name']}", {"items": loaded.out, "summary": loaded.out / "tasks.json"})


@app.command("suites")
def suites(
    name: Annotated[str | None, typer.Argument(help="Suite to describe; default: list all.", show_default=False)] = None,
    path: Annotated[Path | None, typer.Option(help="Its files: list the tasks that they hold.")] = None,
    items: Annotated[int, typer.Option(min=1, help="Items of each task, for the smallest change that they show.")] = 500,
) -> None:
    """List the ready suites of tasks: what they measure, which files they read, how to get these."""
    from eval.tasks.suites.show import content_rows, suite_facts, suite_rows

    if name is None:
        console.print_table("Suites", *suite_rows(items))
        console.show_text("`evaluate suites NAME` says which files a suite reads and how to get them.")
        return
    console.summary(f"Suite {name}", suite_facts(name))
    if path is not None:
        console.print_table(f"Tasks in {path}", *content_rows(name, path))


@app.command("probes")
def probes(recipe: console.RecipeArgument, out: console.OutOption = None, set_: console.SetOption = None) -> None:
    """Look for what continued pre-training breaks: repetition, wrong language, lost copying, chat format, drift, calibration."""
    loaded = load_recipe(recipe, ProbesRecipe, set_, {"out": out})
    from eval.probes.run import run as run_probes
    from eval.probes.tables import change_rows, drift_rows, score_rows

    result = run_probes(loaded)
    console.print_table("Probes", *score_rows(result))
    header, changes = change_rows(result)
    if changes:
        console.print_table("Certain differences from the baseline", header, changes)
    else:
        console.show_text("Certain differences from the baseline: none")
    if result["drift"]:
        console.print_table("Drift of weights", *drift_rows(result))
    console.summary(f"Probed {result['name']}", {"probes": loaded.out / "probes.json"})


@app.command("report")
def report(recipe: console.RecipeArgument, out: console.OutOption = None, set_: console.SetOption = None) -> None:
    """Write one self-contained HTML page, with the same figures in report.json beside it."""
    loaded = load_recipe(recipe, ReportRecipe, set_, {"out": out})
    from eval.report.write import write_report

    written = write_report(loaded)
    console.summary(f"Reported {loaded.title}", {path.suffix[1:]: path for path in written})


@app.command("watch")
def watch(
    run: Annotated[Path, typer.Argument(help="Output folder of train, also of a run that is still going.", show_default=False)],
    recipe: Annotated[Path | None, typer.Argument(help="Recipe of evaluate run (YAML); of its models, only the baseline counts.", show_default=False)] = None,
    tasks: Annotated[Path | None, typer.Option(help="Recipe of evaluate tasks (YAML); of its models, only the baseline counts.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Score the checkpoints that are there now, and end.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for watch.json and the scores of each step.")] = Path("watch"),
    set_: console.SetOption = None,
) -> None:
    """Score the checkpoints of a run as they appear, until it is finished: curves over steps, paired with the base model. The same command resumes."""
    evaluate = load_recipe(recipe, EvaluateRecipe, set_, {"out": out}) if recipe else None
    asked = load_recipe(tasks, TasksRecipe, None if recipe else set_, {"out": out}) if tasks else None
    from eval.watch.tables import correction_words, curve_rows
    from eval.watch.watch import watch as watch_run

    content = watch_run(run, evaluate, asked, out, once=once)
    for curve in content["curves"]:
        console.print_table(f"{curve['metric'].replace('_', ' ')} on {curve['name']}, base {curve['base']:.4f}", *curve_rows(curve))
    if content["curves"]:
        console.show_text(correction_words(content["curves"]))
    for skipped in content["skipped"]:
        console.show_text(f"Step {skipped['step']:,} was skipped: {skipped['why']}")
    console.summary(f"Watched {content['run']['name']}", {"steps": len(content["steps"]), "curves": out / "watch.json"})


@app.command("log")
def log(
    results: Annotated[list[Path], typer.Argument(help="Output folders of evaluate run, tasks or watch.", show_default=False)],
    run: Annotated[Path, typer.Option(help="Output folder of the train run whose models were scored.")],
    to: Annotated[list[str], typer.Option(help="tensorboard, wandb or trackio; repeatable.")],
    project: Annotated[str | None, typer.Option(help="Project of wandb or trackio: that of the training run.")] = None,
) -> None:
    """Send the scores of a run's models to experiment trackers, a line for each metric at the model's step."""
    from eval.tracking import log as log_results

    lines = log_results(results, run, to, project)
    console.summary("Logged", {"steps": ", ".join(f"{step:,}" for step in sorted(lines)), "figures": sum(map(len, lines.values())), "to": ", ".join(to)})


@app.command("card")
def card(
    results: Annotated[list[Path], typer.Argument(help="Output folders of evaluate run and evaluate tasks.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the model, or a file that ends in .md.")],
    run: Annotated[Path | None, typer.Option(help="Output folder of the train run; its trained model is described.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model in the results; default: that of the run, or the only one.")] = None,
    name: Annotated[str | None, typer.Option(help="Title; default: the name of the run.")] = None,
    base_model: Annotated[str | None, typer.Option(help="Hub id of the model that training started from.")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Hub id of a data set that it was trained on. Repeatable.")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="Licence, such as apache-2.0.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Language code, such as en. Repeatable.")] = None,
) -> None:
    """Write the model card (README.md) for the Hugging Face hub, with all results and their intervals; `train push` sends it with the model."""
    from eval.card.write import CardFacts, write_card

    facts = CardFacts(name, base_model, tuple(dataset or ()), license_, tuple(language or ()))
    written = write_card(results, model, run, facts, out)
    console.summary("Model card written", {"card": written} | ({} if base_model else {"missing": "--base-model, the hub id that links it to its base"}))


Runs = Annotated[list[Path], typer.Argument(help="Outputs of evaluate, train or mix suggest, folders that hold them, or tables of runs.", show_default=False)]


@app.command("frontier")
def frontier(
    runs: Runs,
    gain: Annotated[list[str] | None, typer.Option(help="Domain to become better at; default: those with role gain. Repeatable.")] = None,
    retain: Annotated[list[str] | None, typer.Option(help="Domain to lose nothing on; default: those with role retain. Repeatable.")] = None,
    cost: Annotated[Cost | None, typer.Option(help="Also a third axis of the front.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for frontier.json and frontier.html.")] = Path("frontier"),
) -> None:
    """Place many runs on the plane of gain and forgetting: the Pareto front with its uncertainty, curves over steps, cost. Needs no recipe."""
    from eval.frontier.show import front_rows, suggestion_words
    from eval.frontier.write import write_frontier

    content = write_frontier(runs, out, gain or (), retain or (), cost)
    for front in content["fronts"]:
        console.print_table(f"Change over {content['baseline']['name']} in bits per byte (negative is better)", *front_rows(content, front))
        for sentence in suggestion_words(content, front):
            console.show_text(sentence)
    for note in content["notes"]:
        console.show_text(f"Note: {note}")
    console.summary(f"Placed {len(content['points'])} points", {"page": out / "frontier.html", "figures": out / "frontier.json"})


@app.command("compare")
def compare(
    runs: Runs,
    baseline: Annotated[str | None, typer.Option(help="Name of the model to compare with; default: the baseline of the first evaluation.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for compare.json; default: only print.")] = None,
) -> None:
    """Compare the models of several evaluations of the same documents, paired by document, with one correction over all verdicts. Needs no recipe."""
    from eval.frontier.write import write_comparison
    from eval.tables import difference_rows

    content = write_comparison(runs, out, baseline)
    console.print_table("Differences in bits per byte (negative is better)", *difference_rows(content))
    for note in content["notes"]:
        console.show_text(f"Note: {note}")
    console.summary(f"Compared {len(content['models'])} models", {"figures": out / "compare.json"} if out else {})


def main() -> None:
    """Entry point of the command `evaluate`."""
    console.main(app)
