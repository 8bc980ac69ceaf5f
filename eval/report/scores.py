"""What the summary of the scores says, arranged for the page: headline, table of scores, seeds, documents, slices, transfer, cost of text."""

import statistics
from typing import Any

from eval.report.read import Json, ReportInputs
from eval.report.recipe import ReportRecipe
from eval.report.words import change_sentence, comparison_sentence, judged, mix_words

MOST_CARDS = 3
"""Models that get a card with sentences and a sentence for each pair; more are compared in tables."""
FEW_DOCUMENTS = 100
FEW_EFFECTIVE = 30
"""Documents, and independent documents that they are worth, below which a figure carries a warning. Ours: a verdict needs 15 independent ones."""


def headline(inputs: ReportInputs) -> Json:
    """What each recipe and model gained and forgot against the baseline, and how they compare with each other.

    `models` has one entry per recipe, and per model that belongs to none; `in_cards` says whether they are few enough for cards. `comparisons` are
    sentences about pairs, else `matrices` hold one table of differences per domain.
    """
    summary = inputs.summary
    members = {model for models in summary.get("recipes", {}).values() for model in models}
    rows = [judged(row | _origin(summary, row)) for row in summary["differences"]]
    subjects = [name for name in dict.fromkeys(row["model"] for row in rows) if name not in members]
    models = [
        {"model": name, "mix": _mix_of(inputs, name), "changes": [_change(row, summary) for row in _of(rows, name, summary["baseline"])]} for name in subjects
    ]
    few = len(models) <= MOST_CARDS
    pairs: dict[tuple[str, str], list[Json]] = {}
    for row in rows:
        if row["against"] != summary["baseline"]:
            pairs.setdefault((row["model"], row["against"]), []).append(row)
    return {
        "baseline": summary["baseline"],
        "in_cards": few,
        "models": models,
        "comparisons": [comparison_sentence(pair) for pair in pairs.values()] if few else [],
        "matrices": [] if few else [_matrix(domain, pairs) for domain in summary["domains"] if pairs],
        "verdicts": _n_corrected(summary),
    }


def _n_corrected(summary: Json) -> int:
    """Hypotheses that were corrected together: no difference, and on domains to retain a difference of the tolerance."""
    judged = [row for row in (*summary["differences"], *(summary.get("long_context") or {}).get("differences", ())) if row.get("adjusted_p") is not None]
    return len(judged) + sum("retained" in row and row["retained"] is not None for row in judged)


def _of(rows: list[Json], model: str, against: str) -> list[Json]:
    return [row for row in rows if row["model"] == model and row["against"] == against]


def _mix_of(inputs: ReportInputs, name: str) -> str:
    """Words for the mix of a model, or of the first run of a recipe."""
    runs = [name, *inputs.summary.get("recipes", {}).get(name, [])]
    return next((mix_words(inputs.mixes[run]) for run in runs if run in inputs.mixes), "")


def _origin(summary: Json, row: Json) -> Json:
    """`derived`: whether both sides share tokenizer and architecture, so that one can have grown out of the other."""
    sides = [facts for name in (row["model"], row["against"]) for facts in _models_of(summary, name)]
    kinds = {facts.get("model_type") for facts in sides} - {None}
    tokenizers = {facts.get("tokenizer") for facts in sides} - {None}
    return {"derived": len(kinds) <= 1 and len(tokenizers) <= 1}


def _models_of(summary: Json, name: str) -> list[Json]:
    return [summary["models"][model] for model in summary.get("recipes", {}).get(name, [name])]


def _change(row: Json, summary: Json) -> Json:
    scores = {score["model"]: score["bits_per_byte"] for score in summary["scores"] if score["domain"] == row["domain"]}
    before = scores[row["against"]]
    after = scores.get(row["model"], before + row["delta"])
    sentence = change_sentence(row, before, after, summary["recipe"]["tolerance"])
    return row | {"before": before, "after": after, "sentence": sentence, "warning": few_documents(row | summary["domains"][row["domain"]])}


def few_documents(facts: Json) -> str:
    """A warning about a figure of few documents, or ""."""
    documents, effective = facts["documents"], facts.get("effective")
    if documents >= FEW_DOCUMENTS and (effective is None or effective >= FEW_EFFECTIVE):
        return ""
    worth = "" if effective is None or effective > 0.95 * documents else f", worth {effective:.3g} independent ones"
    return f"Only {documents:,} document{'s' if documents != 1 else ''}{worth}: the domain may differ from this sample."


def _matrix(domain: str, pairs: dict[tuple[str, str], list[Json]]) -> Json:
    """Differences between all models on a domain: `rows[i].cells[j]` is that of model i against model j, None on the diagonal."""
    known = {pair: row for pair, rows in pairs.items() for row in rows if row["domain"] == domain}
    names = list(dict.fromkeys(name for _, name in known)) + list(dict.fromkeys(name for name, _ in known))
    names = list(dict.fromkeys(names))
    return {"domain": domain, "names": names, "rows": [{"model": name, "cells": [_cell(known, name, other) for other in names]} for name in names]}


def _cell(known: dict[tuple[str, str], Json], model: str, against: str) -> Json | None:
    if (model, against) in known:
        row = known[model, against]
    elif (against, model) in known:
        opposite = known[against, model]
        verdict = {"better": "worse", "worse": "better"}.get(opposite["verdict"], opposite["verdict"])
        row = opposite | {"delta": -opposite["delta"], "verdict": verdict}
    else:
        return None
    tone = {"better": "good", "worse": "bad"}.get(row["verdict"], "plain")
    return {"delta": row["delta"], "verdict": row["verdict"], "tone": tone}


def score_table(summary: Json) -> list[Json]:
    """One entry per domain: its `rows` are those of recipes, which have no bits of their own, and of every model, with the difference from the baseline
    (None for the baseline)."""
    against = {(row["model"], row["domain"]): row for row in summary["differences"] if row["against"] == summary["baseline"]}
    scores = {(row["model"], row["domain"]): row for row in summary["scores"]}
    tables = []
    for domain, facts in summary["domains"].items():
        rows = []
        for name in [*summary.get("recipes", {}), *summary["models"]]:
            difference = against.get((name, domain))
            if (name, domain) in scores or difference:
                rows.append(
                    {"model": name, "score": scores.get((name, domain)), "difference": difference and judged(difference | _origin(summary, difference))}
                )
        effective = next((row["effective"] for row in summary["scores"] if row["domain"] == domain and row.get("effective") is not None), None)
        named = {"domain": domain, "role": facts["role"], "documents": facts["documents"], "bytes": facts["bytes"], "effective": effective}
        clusters = {"clusters": facts.get("clusters"), "clustered_by": facts.get("clustered_by"), "cluster_note": facts.get("cluster_note", "")}
        tables.append(named | clusters | {"warning": few_documents(named), "rows": rows})
    return tables


def seed_rows(summary: Json) -> list[Json]:
    """Bits per byte of the runs of each recipe, by domain, with their standard deviation (None for one run)."""
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in summary["scores"]}
    rows = []
    for recipe, models in summary.get("recipes", {}).items():
        for domain in summary["domains"]:
            values = [bits[model, domain] for model in models]
            deviation = statistics.stdev(values) if len(values) > 1 else None
            rows.append({"recipe": recipe, "domain": domain, "runs": dict(zip(models, values, strict=True)), "deviation": deviation})
    return rows


def documents(summary: Json, recipe: ReportRecipe) -> list[Json]:
    """For each model and domain, the documents that got worse and better most, their texts cut to the recipe's limit."""
    return [row | {side: [_cut(one, recipe) for one in row[side]] for side in ("worst", "best")} for row in summary.get("documents", [])]


def _cut(document: Json, recipe: ReportRecipe) -> Json:
    text = document["text"]
    return document | {"text": text if len(text) <= recipe.example_characters else text[: recipe.example_characters].rstrip() + " …"}


def slices(summary: Json) -> list[Json]:
    """Differences on parts of the domains, with the words of their verdicts."""
    return [judged(row | _origin(summary, row)) for row in summary.get("slices") or []]


def transfer(summary: Json) -> Json | None:
    """The chain of models trained one after the other, with the words of its verdicts; None without a chain."""
    section = summary.get("transfer")
    return section and section | {"rows": [judged(row) for row in section["rows"]]}


def cost_of_text(summary: Json) -> list[dict[str, Any]]:
    """What a model's tokenizer makes of each domain: bytes in a token, bytes in the context, cost of the first token, share of bytes lost."""
    rows = []
    for score in summary["scores"]:
        if score.get("tokens") is None:
            continue
        optional = {key: score[key] for key in ("context_bytes", "first_token_nats", "first_token_bits_per_byte") if key in score}
        optional |= {"lossy": score.get("lossy", False), "lost_example": score.get("lost_example") or ""}
        shares = {name: score[key] / max(score["bytes"], 1) for name, key in (("lost", "lost_bytes"), ("unknown", "unk_bytes")) if key in score}
        sizes = {"bytes_per_token": score["bytes"] / max(score["tokens"], 1), "tokens_per_byte": score["tokens"] / max(score["bytes"], 1)}
        bos = summary["models"][score["model"]].get("bos_every_window")
        rows.append({"domain": score["domain"], "model": score["model"], "bits_per_byte": score["bits_per_byte"], "bos": bos} | sizes | optional | shares)
    return rows
