"""What a reader should know before trusting a report. Caveats follow from the figures, except for two that always hold."""

from collections.abc import Iterator

from eval.report.read import ReportInputs
from eval.report.words import join
from eval.suggestion import other_base

FEW_DOCUMENTS = 100


def caveats(inputs: ReportInputs) -> list[str]:
    """One sentence per caveat; those that always hold come last."""
    return [*_about_scores(inputs), *_about_suggestions(inputs), *_about_training(inputs), *_about_corpora(inputs), *_always()]


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
        if domain["documents"] < FEW_DOCUMENTS:
            yield f"{name} was measured on only {domain['documents']} held-out documents, which may not represent all of it."
    unchecked = [name for name, domain in summary["domains"].items() if not domain.get("train_sets_checked")]
    if unchecked:
        yield f"Held-out documents of {join(unchecked)} were not checked against the training documents; set train_documents in the recipe of the scores."


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
            yield f"{name}: some input files could not be read completely; {len(report['faults'])} faults are listed above."


def _always() -> list[str]:
    return [
        "Intervals are over documents. They do not include the variation between training seeds, which only more runs would show.",
        "Bits per byte measure how well text is predicted, not how well tasks are solved.",
    ]
