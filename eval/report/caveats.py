"""What a reader should know before trusting a report. Caveats follow from the figures, except for the last, which always holds."""

from collections.abc import Iterator

from eval.report.read import Json, ReportInputs
from eval.report.scores import few_documents
from eval.report.words import join
from eval.suggestion import other_base


def caveats(inputs: ReportInputs) -> list[str]:
    """One sentence per caveat; the one that always holds comes last."""
    return [*_about_scores(inputs), *_about_contamination(inputs), *_about_suggestions(inputs), *_about_training(inputs), *_about_corpora(inputs), *_always()]


def _about_scores(inputs: ReportInputs) -> Iterator[str]:
    summary = inputs.summary
    for row in summary["differences"]:
        if row["against"] != summary["baseline"]:
            continue
        if row["verdict"] == "undetectable" and row["minimum_detectable"]:
            yield (
                f"{row['model']} on {row['domain']}: undetectable does not mean none. With these documents, a true change of "
                f"{row['minimum_detectable']:.4f} bits per byte would be detected four times out of five, smaller ones less often."
            )
        if row.get("retained") == "undecided":
            yield f"{row['model']} on {row['domain']}: the interval crosses the tolerance; more held-out documents would settle it."
    for name, domain in summary["domains"].items():
        effective = next((row["effective"] for row in summary["scores"] if row["domain"] == name and row.get("effective") is not None), None)
        warning = few_documents({"documents": domain["documents"], "effective": effective})
        if warning:
            yield f"{name}: {warning[0].lower()}{warning[1:]}"
        if domain.get("cluster_note"):
            yield f"{name}: {domain['cluster_note']}"
    unchecked = [name for name, domain in summary["domains"].items() if not domain.get("train_sets_checked")]
    if unchecked:
        yield f"Held-out documents of {join(unchecked)} were not checked against the training documents; set train_documents in the recipe of the scores."
    yield from _about_seeds(summary)


def _about_seeds(summary: Json) -> Iterator[str]:
    """One sentence on what the intervals cover, if there are differences: seeds are in those of recipes with several runs only."""
    rows = summary["differences"]
    single = list(dict.fromkeys(row["model"] for row in rows if row.get("of", "checkpoint") == "checkpoint" or (row.get("seeds") or 1) < 2))
    if rows and len(single) == len({row["model"] for row in rows}):
        yield "Intervals are over documents. They do not include the variation between training seeds, which only more runs would show."
    elif single:
        yield f"Intervals of recipes include the variation between training seeds; those of single checkpoints ({join(single)}) do not."
    elif rows:
        yield "Intervals are over documents and training seeds."


def _about_contamination(inputs: ReportInputs) -> Iterator[str]:
    """What was not looked for in the training sets, besides domains that were not checked at all."""
    of_tasks = (inputs.tasks or {}).get("contamination")
    if inputs.tasks and of_tasks is None:
        yield "Task items were not looked for in the training documents; set train_documents in the recipe of the tasks."
    for what, section in (("Held-out text", inputs.summary.get("contamination")), ("Tasks", of_tasks)):
        if section and section["note"]:
            yield f"{what}: {section['note']}."


def _about_suggestions(inputs: ReportInputs) -> Iterator[str]:
    summary = inputs.summary
    baseline = {row["domain"]: row["bits_per_byte"] for row in summary["scores"] if row["model"] == summary["baseline"]}
    for name, suggestion in inputs.suggestions.items():
        yield from other_base(name, suggestion, baseline)


def _about_training(inputs: ReportInputs) -> Iterator[str]:
    for name, plan in inputs.plans.items():
        trained = inputs.records.get(name, {}).get("plan_hash")
        if trained and trained != plan:
            yield f"{name}: the run was trained on another mix than the one shown here (plan {trained}, not {plan}); train again, or report the run's own mix."
    for name, preview in inputs.mixes.items():
        for source in preview["sources"]:
            if source["epochs"] > 4:
                yield f"{name}: {source['name']} was seen {source['epochs']:.1f} times; after about four epochs, repeated text teaches little."
        steps = inputs.runs.get(name)
        if steps and steps[-1]["tokens"] < 0.99 * preview["tokens"]:
            yield f"{name}: the run has seen {steps[-1]['tokens']:,} of the {preview['tokens']:,} tokens of its mix."


def _about_corpora(inputs: ReportInputs) -> Iterator[str]:
    for name, report in inputs.corpora.items():
        if report.get("faults"):
            yield f"{name}: some input files could not be read completely; see {len(report['faults'])} fault{'s' if len(report['faults']) > 1 else ''} above."


def _always() -> list[str]:
    return [
        "Bits per byte measure how well text is predicted, not how well tasks are solved.",
    ]
