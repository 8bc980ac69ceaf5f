"""The run's report: counts, the funnel of rules, languages, sources, duplicates, examples. Its shape is fixed in docs/architecture.md."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from curate.chosen_rules import rule_order
from curate.recipe import CurateRecipe
from curate.results import RunFolder
from curate.rules.decide import RuleSet
from shards.recipe import recipe_hash

N_EXAMPLES = 3
_TEXT_CHARS = 600


def build_report(recipe: CurateRecipe, rule_sets: Sequence[RuleSet], run: RunFolder, notes: dict[str, Any]) -> dict[str, Any]:
    """Everything `report.json` holds, from the run's committed sets; `notes` are what deciders told, by stage."""
    infos = [run.measured.info(task) for task in range(run.n_tasks)]
    firsts = _first_verdicts(run)
    order = pl.DataFrame(rule_order(rule_sets), schema=["stage", "rule"], orient="row")
    counts = _counts(infos, run)
    return {
        "name": recipe.name,
        "recipe_hash": recipe_hash(recipe),
        "counts": counts,
        "bytes": _bytes(run),
        "repaired": sum(info["counts"].get("repaired", 0) for info in infos),
        "funnel": _funnel(firsts, counts["read"], order),
        "rules": _rules(run, order),
        "examples": _examples(run, recipe.seed),
        "kept_examples": _kept_examples(run, recipe.seed),
        "languages": _tally(run.documents["language"]),
        "sources": _sources(run, infos),
        "duplicates": _duplicates(run),
        "removed": notes,
        "faults": _faults(infos),
    }


def _faults(infos: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Each once, however many tasks came upon it."""
    seen = dict.fromkeys((fault["file"], fault["problem"]) for info in infos for fault in info["faults"])
    return [{"file": file, "problem": problem} for file, problem in seen]


def _counts(infos: list[dict[str, Any]], run: RunFolder) -> dict[str, int]:
    read = sum(info["counts"].get("read", 0) for info in infos)
    unreadable = sum(info["counts"].get("unreadable", 0) for info in infos)
    survivors = dict(run.documents["set"].value_counts().iter_rows())
    kept, aside = survivors.get("documents", 0), survivors.get("held_out", 0)
    return {"read": read, "kept": kept, "held_out": aside, "dropped": read - unreadable - kept - aside, "unreadable": unreadable}


def _bytes(run: RunFolder) -> dict[str, int]:
    by_set = dict(run.documents.group_by("set").agg(pl.col("text_bytes").sum()).iter_rows())
    read = sum(by_set.values())
    return {"read": read, "kept": by_set.get("documents", 0), "held_out": by_set.get("held_out", 0), "dropped": by_set.get(None, 0)}


def _first_verdicts(run: RunFolder) -> pl.DataFrame:
    sizes = run.documents.select("row_index", "text_bytes")
    return run.verdicts.unique(["file", "row"], keep="first", maintain_order=True).join(sizes, on="row_index", how="left")


def _funnel(firsts: pl.DataFrame, n_read: int, order: pl.DataFrame) -> list[dict[str, Any]]:
    table = _in_order(order, firsts.group_by("stage", "rule").agg(documents=pl.len(), bytes=pl.col("text_bytes").sum()))
    return table.with_columns(remaining=n_read - pl.col("documents").cast(pl.Int64).cum_sum()).to_dicts()


def _rules(run: RunFolder, order: pl.DataFrame) -> list[dict[str, Any]]:
    verdicts = run.verdicts.with_columns(only=pl.len().over("file", "row") == 1)
    return _in_order(order, verdicts.group_by("stage", "rule").agg(documents=pl.len(), only=pl.col("only").sum())).to_dicts()


def _in_order(order: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    return order.join(figures, on=["stage", "rule"], how="inner", maintain_order="left")


def _examples(run: RunFolder, seed: int) -> dict[str, list[dict[str, Any]]]:
    """A few documents of each rule, drawn by the recipe's seed."""
    chosen = {
        f"{stage}/{rule}": draw(some, N_EXAMPLES, seed)
        for (stage, rule), some in sorted(run.verdicts.partition_by("stage", "rule", as_dict=True, maintain_order=True).items())
    }
    texts = run.texts(index for some in chosen.values() for index in some["row_index"].drop_nulls())
    return {name: [_example(row, texts) for row in some.iter_rows(named=True)] for name, some in chosen.items()}


def _example(row: dict[str, Any], texts: dict[int, dict[str, str]]) -> dict[str, Any]:
    found = texts.get(row["row_index"])
    text = found["text"][:_TEXT_CHARS] if found else row["detail"] or ""
    doc_id = row["doc_id"].hex() if row["doc_id"] else None
    return {"doc_id": doc_id, "file": row["file"], "row": row["row"], "value": row["value"], "threshold": row["threshold"], "text": text}


def _kept_examples(run: RunFolder, seed: int) -> list[dict[str, Any]]:
    chosen = draw(run.documents.filter(pl.col("set") == "documents"), N_EXAMPLES, seed)
    texts = run.texts(chosen["row_index"])
    return [{"doc_id": row["doc_id"].hex(), "file": row["file"], "text": texts[row["row_index"]]["text"][:_TEXT_CHARS]} for row in chosen.iter_rows(named=True)]


def draw(frame: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """`n` rows of a frame without repeats, in the frame's order; the same for the same seed and frame height."""
    order = np.random.default_rng(seed).permutation(frame.height)[:n]
    return frame[np.sort(order)]


def _sources(run: RunFolder, infos: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    kept = run.documents.filter(pl.col("set") == "documents").group_by("source").agg(pl.len(), pl.col("text_bytes").sum())
    survivors = {source: (n_docs, n_bytes) for source, n_docs, n_bytes in kept.iter_rows()}
    read: dict[str, int] = {}
    for info in infos:
        for source, n_docs in info["sources"].items():
            read[source] = read.get(source, 0) + n_docs
    none = (0, 0)
    return {name: {"read": n, "kept": survivors.get(name, none)[0], "bytes_kept": survivors.get(name, none)[1]} for name, n in read.items()}


def _duplicates(run: RunFolder) -> dict[str, int]:
    by_stage = dict(run.verdicts["stage"].value_counts().iter_rows())
    largest = run.documents["cluster_size"].max()
    return {"exact": by_stage.get("exact", 0), "minhash": by_stage.get("minhash", 0), "largest_cluster": largest or 0}  # type: ignore[dict-item]


def _tally(values: pl.Series) -> dict[str, int]:
    counts = values.value_counts().sort([pl.col("count"), pl.col(values.name)], descending=[True, False])
    return dict(counts.iter_rows())
