"""The `curate` command: arguments in, one call, a summary out."""

from pathlib import Path
from typing import Annotated

import typer

from shards import console

app = console.new_app("Turn raw text into documents worth training on, with a reason for everything dropped.")

RunOption = Annotated[Path, typer.Option("--run", help="Output folder of `curate run`; for `why` also of `curate synthesize`.")]


@app.command()
def run(
    recipe: console.RecipeArgument,
    out: console.OutOption = None,
    workers: console.WorkersOption = None,
    engine: Annotated[str | None, typer.Option(help="local, slurm or ray; overrides the recipe's `engine.kind`.")] = None,
    set_: console.SetOption = None,
) -> None:
    """Curate a corpus. Rerun the same command to resume."""
    from curate.engines.engine import start_loading
    from curate.recipe import CurateRecipe
    from shards.recipe import load_run_recipe

    loaded, folder = load_run_recipe(recipe, CurateRecipe, set_, {"out": out, "workers": workers, "engine.kind": engine})
    start_loading(loaded.engine, loaded.workers)
    from curate.pipeline.run import run as run_recipe
    from curate.pipeline.summary import print_summary

    outcome = run_recipe(loaded, folder, loaded.workers)
    raise typer.Exit(print_summary(outcome, folder))


@app.command()
def decide(
    folder: RunOption,
    rules: Annotated[list[str] | None, typer.Option("--rules", help="Rule set by name or path; repeat for more. Default: the run's own.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key of the run's recipe: language.min_confidence=0.8")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the new verdicts, a shard set.")] = None,
) -> None:
    """Try other rules or thresholds on the signals of a run. No text is read; the run is not changed."""
    from curate.inspect.redecide import print_redecision, redecide

    print_redecision(redecide(folder, rules or (), set_ or (), out), out)


@app.command()
def why(
    doc_id: Annotated[str, typer.Argument(help="First digits of a document's id, or FILE or FILE:ROW as in the verdict table.")],
    folder: RunOption,
) -> None:
    """Explain what happened to a document: verdicts with value and threshold, the duplicate kept instead, the text it was made from."""
    from curate.inspect.why import why as explain

    console.show_text("\n".join(explain(folder, doc_id)))


@app.command()
def sample(
    folder: RunOption,
    dropped_by: Annotated[str | None, typer.Option("--dropped-by", help="Rule, as in the report.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Show documents that were kept.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of documents.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 0,
) -> None:
    """Show documents that a rule dropped, or that were kept."""
    from curate.inspect.sample import sample as sample_of

    console.show_text("\n".join(sample_of(folder, dropped_by, kept, n, seed)))


@app.command()
def rules(
    name: Annotated[str | None, typer.Argument(help="A rule set by name, or the path of your own. Default: list all shipped sets.")] = None,
) -> None:
    """List the rule sets, or show the rules, thresholds and signals of one."""
    from curate.inspect.shown_rules import print_rule_set, print_rule_sets

    print_rule_sets() if name is None else print_rule_set(name)


@app.command()
def report(
    folder: RunOption,
    out: Annotated[Path | None, typer.Option(help="HTML file. Default: report.html in the run's folder.")] = None,
) -> None:
    """Write a report on a run as an HTML page: rules, thresholds, examples, sources, languages, time."""
    from curate.report.page import write_page

    console.summary("curation report", {"written to": write_page(folder, out)})


@app.command()
def card(
    folder: RunOption,
    out: Annotated[Path | None, typer.Option(help="Markdown file. Default: README.md in the run's folder.")] = None,
) -> None:
    """Write a dataset card: sources and licences, counts, removals, the recipe."""
    from curate.report.card import write_card

    console.summary("dataset card", {"written to": write_card(folder, out)})


@app.command()
def rehydrate(
    folder: RunOption,
    out: Annotated[Path | None, typer.Option(help="Also write the documents here: one set repeats-NN per number of repeats.")] = None,
    max_repeats: Annotated[int, typer.Option(min=2, help="Repeats of the best cluster size.")] = 10,
    min_documents: Annotated[int, typer.Option(min=1, help="Minimum number of survivors of deduplication; with fewer, rates are chance.")] = 1000,
) -> None:
    """Compute how often to repeat each document from its number of duplicates (FineWeb2). The run needs dedup.before_rules."""
    from curate.inspect.rehydrate import rehydrate as rehydrate_run

    result = rehydrate_run(folder, out, max_repeats, min_documents)
    shown = {"weights": result["weights"], "documents": result["documents"], "seen": result["documents_seen"], "written": folder / "rehydration.json"}
    shown |= {f"warning {number}": text for number, text in enumerate(result["warnings"], 1)}
    console.summary(f"rehydrated {folder}", shown | ({"sets": out} if out else {}))


@app.command()
def overlap(
    items: Annotated[list[str], typer.Argument(help="What to look for: documents sets, files with an item a row; or one recipe, a .yaml file.")],
    against: Annotated[list[Path] | None, typer.Option(help="Documents set that models were trained on; repeat for more.")] = None,
    out: console.OutOption = None,
    workers: console.WorkersOption = None,
    set_: console.SetOption = None,
) -> None:
    """Find held-out documents and task items in training sets: equal, near-duplicate, contained, or covered by n-grams. Rerun to resume."""
    from curate.overlap.command import load_overlap_recipe, print_overlap
    from curate.overlap.items import read_item_sets
    from curate.overlap.run import find_overlap

    recipe = load_overlap_recipe(items, against or (), set_, {"out": out, "workers": workers})
    print_overlap(find_overlap(recipe, list(read_item_sets(recipe.items))), recipe.out)


@app.command("fetch-model")
def fetch_model(
    name: Annotated[str, typer.Argument(help="lid.176.ftz, lid.176.bin or glotlid.")],
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("models"),
    sha256: Annotated[str | None, typer.Option(help="Expected checksum; another one is an error.")] = None,
) -> None:
    """Download a fastText language model and verify it."""
    from curate.languages.fetch import fetch_model as fetch

    fetched = fetch(name, out, sha256)
    console.summary(f"fetched {name}", {"file": fetched.path, "sha256": fetched.sha256, "checked": fetched.checked_against})


@app.command()
def synthesize(
    recipe: console.RecipeArgument,
    out: console.OutOption = None,
    workers: console.WorkersOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Upper limit on documents; the first ones are used.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count requests, tokens and cost without sending requests.")] = False,
    accept_changes: Annotated[bool, typer.Option("--accept-changes", help="Continue although inputs changed since the journal was started.")] = False,
    set_: console.SetOption = None,
) -> None:
    """Make documents from documents, by a language model or by rules. Rerun the same command to resume."""
    from curate.synthesize.command import synthesize as synthesize_recipe
    from curate.synthesize.recipe import SynthesizeRecipe
    from shards.recipe import load_run_recipe

    loaded, folder = load_run_recipe(recipe, SynthesizeRecipe, set_, {"out": out, "workers": workers, "limit": limit})
    raise typer.Exit(synthesize_recipe(loaded, folder, loaded.workers, dry_run=dry_run, accept_changes=accept_changes))


@app.command()
def align(
    first: Annotated[Path, typer.Argument(help="Documents set, or output of `curate run`, in the first language.")],
    second: Annotated[Path, typer.Argument(help="The same documents in the other language.")],
    out: Annotated[Path, typer.Option(help="Folder for the aligned documents.")],
    by: Annotated[str, typer.Option(help="Regular expression for the part of a file's name that both languages share; its first group, if any.")] = r"[^/]+$",
    language: Annotated[str, typer.Option(help="Code of the second language, for documents that name none.")] = "",
) -> None:
    """Join documents with their translations, file by file, for tasks on parallel text."""
    from curate.synthesize.command import align as align_documents

    align_documents(first, second, by, language, out)


@app.command()
def tasks() -> None:
    """List the tasks that ship with `curate synthesize`."""
    from curate.synthesize.command import print_tasks

    print_tasks()


PathsOption = list[str] | None


@app.command("fit-classifier")
def fit_classifier(
    out: Annotated[Path, typer.Option(help="Folder for the model, its card and its report.")],
    positive: Annotated[PathsOption, typer.Option(help="Texts of the class wanted: files, a folder, a glob, a documents set, a run's output.")] = None,
    negative: Annotated[PathsOption, typer.Option(help="Texts of the other class.")] = None,
    class_: Annotated[PathsOption, typer.Option("--class", help="NAME=PATH: texts of a class, for more than two.")] = None,
    labelled: Annotated[PathsOption, typer.Option(help="Texts whose class is in --label-column.")] = None,
    label_column: Annotated[str | None, typer.Option(help="A column, or a key of the metadata.")] = None,
    label: Annotated[str | None, typer.Option(help="The class that the threshold is for. Default: the first given, or the rarest.")] = None,
    precision: Annotated[float | None, typer.Option(help="Choose the lowest threshold with this precision.")] = None,
    recall: Annotated[float | None, typer.Option(help="Choose the highest threshold with this recall.")] = None,
    keep_share: Annotated[float | None, typer.Option(help="Choose the threshold that keeps this share of the other classes.")] = None,
    set_: console.SetOption = None,
) -> None:
    """Train a fastText classifier and report its quality on held-out examples.

    Keys for --set: epochs, lr, dim, word_ngrams, char_ngrams, min_count, buckets, loss, quantize, lowercase, text_column, one_per_line,
    max_per_class, min_per_class, held_out, seed.
    """
    from curate.fit.commands import run_fit_classifier

    sources = {"positive": positive or (), "negative": negative or (), "classes": class_ or (), "labelled": labelled or ()}
    aim = {"label": label, "precision": precision, "recall": recall, "keep_share": keep_share}
    run_fit_classifier(out, sources, label_column, aim, set_)


@app.command("fit-importance")
def fit_importance(
    target: Annotated[list[str], typer.Option(help="Texts like those you want.")],
    raw: Annotated[list[str], typer.Option(help="Texts like those to select from.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights.")],
    set_: console.SetOption = None,
) -> None:
    """Fit DSIR importance weights. Keys for --set: ngrams, buckets, max_raw_ngrams, text_column."""
    from curate.fit.commands import run_fit_importance

    run_fit_importance(out, target, raw, set_)


@app.command("fit-kenlm")
def fit_kenlm(
    texts: Annotated[list[str], typer.Option(help="Good texts to train on.")],
    out: Annotated[Path, typer.Option(help="Folder for the model and its card.")],
    cutoff_texts: Annotated[PathsOption, typer.Option(help="Texts whose percentiles separate head, middle and tail. Default: a share of --texts.")] = None,
    set_: console.SetOption = None,
) -> None:
    """Train a KenLM model for perplexity, with KenLM's own lmplz. Keys for --set: order, sentencepiece, normalize, lines, held_out, percentiles, memory."""
    from curate.fit.commands import run_fit_kenlm

    run_fit_kenlm(out, texts, cutoff_texts, set_)


@app.command()
def calibrate(
    reference: Annotated[list[str], typer.Option(help="Clean text: files, a folder, a glob, a documents set, a run's output.")],
    out: Annotated[Path, typer.Option(help="Rule set to write, a .yaml file; name its path in `rules`.")],
    language: Annotated[str, typer.Option(help="Code of the language, e.g. sw or swh_Latn.")] = "",
    method: Annotated[str, typer.Option(help="mean: mean and standard deviations; quantile: quantiles of the reference.")] = "mean",
    words: Annotated[str, typer.Option(help="Word splitter, as in a recipe. Default: the language's.")] = "",
    model: Annotated[str, typer.Option(help="Language model, as in a recipe.")] = "default",
    lines: Annotated[bool, typer.Option("--lines", help="Each line is a document.")] = False,
) -> None:
    """Derive stop words and thresholds for a new language or domain from clean text in it."""
    from curate.fit.commands import run_calibrate

    run_calibrate(reference, out, language, method, words, model, lines)


@app.command()
def percentiles(
    folder: RunOption,
    signal: Annotated[str, typer.Option(help="A numeric column of the signals, or a rule, for its value.")],
    by: Annotated[str | None, typer.Option(help="Group by this column, e.g. language.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Only documents without a verdict.")] = False,
    keep_share: Annotated[float | None, typer.Option(min=0, max=1, help="Print the rule that keeps this share.")] = None,
    lowest: Annotated[bool, typer.Option("--lowest", help="Keep the lowest values (perplexity), not the highest.")] = False,
) -> None:
    """Show percentiles of a signal over a run, and the threshold that keeps a share of its documents."""
    from curate.inspect.percentiles import print_percentiles

    print_percentiles(folder, signal, by, kept, keep_share, lowest)


def main() -> None:
    """Entry point."""
    console.main(app)
