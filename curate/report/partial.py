"""The report's figures of one task, and their sum over all tasks.

Memory is needed for figures only, however many documents a run has. Examples are the documents with the smallest hashes, so tasks choose
them independently.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.collection import HELD_OUT, KEPT
from curate.compare.held_out import held_out_hash
from curate.dedup.exact import id_words
from curate.report.histograms import count_values
from curate.report.hosts import Hosts
from curate.rules.decide import RuleSet

N_EXAMPLES = 3
_TEXT_CHARS = 600
_SETS = ("dropped", "documents", "held_out")
_SEPARATOR = "\t"


class TaskTables(NamedTuple):
    """A task's documents as read, their outcomes, verdicts and signals; all but the verdicts have one row per document, in one order."""

    documents: pa.Table
    outcomes: pa.Table
    verdicts: pa.Table
    signals: pl.DataFrame


def summarise(tables: TaskTables, rule_sets: Iterable[RuleSet], seed: int) -> dict[str, Any]:
    """The figures of one task, as JSON values."""
    outcome = tables.outcomes["outcome"].to_numpy()
    facts = tables.signals.select("source", "language", "text_bytes").with_columns(
        set=pl.Series(np.array(_SETS)[outcome]), cluster_size=pl.Series(tables.outcomes["cluster_size"].to_numpy())
    )
    verdicts = _numbered(tables)
    firsts = verdicts.unique(["file", "row"], keep="first", maintain_order=True)
    alone = verdicts.filter(pl.len().over("file", "row") == 1)
    kept = facts.filter(pl.col("set") == "documents")
    return {
        "sets": _sums(facts, "set"),
        "read_by_source": _counts(facts, "source"),
        "kept_by_source": _sums(kept, "source"),
        "languages": _counts(facts, "language"),
        "kept_languages": _counts(kept, "language"),
        "first": _sums(firsts, "stage", "rule"),
        "fired": _counts(verdicts, "stage", "rule"),
        "alone": _counts(alone, "stage", "rule"),
        "cluster_sizes": {str(size): n for size, n in facts.filter(pl.col("cluster_size") > 0)["cluster_size"].value_counts().sort("cluster_size").iter_rows()},
        "histograms": {name: counts for rules in rule_sets for name, counts in count_values(tables.signals, rules).items()},
        "examples": _examples(verdicts, tables.documents, seed),
        "kept_examples": _kept_examples(tables, np.flatnonzero(outcome == KEPT), seed),
        "hosts": Hosts.of_urls(tables.documents["url"].filter(pa.array(outcome == KEPT))).dump(),
        "held_out": int((outcome == HELD_OUT).sum()),
        "synthetic": _synthetic(tables.documents["metadata"], facts),
    }


def merge(partials: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The figures of all tasks, in the shape of one task's."""
    total: dict[str, Any] = {}
    for partial in partials:
        for name, figures in partial.items():
            total[name] = _MERGED[name](total[name], figures) if name in total else figures
    return total


def _add(one: Any, other: Any) -> Any:
    """Sums numbers inside mappings and lists of equal length."""
    if isinstance(one, dict):
        return {key: _add(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key)) for key in {**one, **other}}
    return [a + b for a, b in zip(one, other, strict=True)] if isinstance(one, list) else one + other


def _smallest(one: list[Any], other: list[Any]) -> list[Any]:
    return sorted([*one, *other], key=lambda example: (example["order"], example["file"], example["row"]))[:N_EXAMPLES]


def _smallest_by_rule(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {rule: _smallest(one.get(rule, []), other.get(rule, [])) for rule in {**one, **other}}


def _merge_hosts(one: str, other: str) -> str:
    return Hosts.load(one).merged(Hosts.load(other)).dump()


_MERGED = {
    **dict.fromkeys(
        (
            "sets",
            "read_by_source",
            "kept_by_source",
            "languages",
            "kept_languages",
            "first",
            "fired",
            "alone",
            "cluster_sizes",
            "histograms",
            "held_out",
            "synthetic",
        ),
        _add,
    ),
    "examples": _smallest_by_rule,
    "kept_examples": _smallest,
    "hosts": _merge_hosts,
}


def _numbered(tables: TaskTables) -> pl.DataFrame:
    """The verdicts with the index and size of their document in the task; null for documents that could not be read."""
    rows = tables.signals.select("file", "row", "text_bytes").with_row_index("number")
    return pl.DataFrame(tables.verdicts).join(rows, on=["file", "row"], how="left", maintain_order="left")


def _sums(frame: pl.DataFrame, *by: str) -> dict[str, list[int]]:
    """Documents and bytes."""
    groups = frame.group_by(by, maintain_order=True).agg(pl.len(), pl.col("text_bytes").sum())
    return {_SEPARATOR.join(row[: len(by)]): [row[-2], row[-1]] for row in groups.iter_rows()}


def _counts(frame: pl.DataFrame, *by: str) -> dict[str, int]:
    return dict(Counter(_SEPARATOR.join(row) for row in frame.select(by).iter_rows()))


def _synthetic(metadata: pa.ChunkedArray, facts: pl.DataFrame) -> dict[str, list[int]]:
    """Kept documents made by `curate synthesize`, by the task that their metadata names."""
    known = facts.select("set", "text_bytes").with_columns(metadata=pl.Series(metadata))
    made = known.filter((pl.col("set") == "documents") & pl.col("metadata").str.contains('"synthetic":', literal=True))
    return _sums(made.with_columns(task=pl.col("metadata").str.json_path_match("$.synthetic.task")).drop_nulls("task"), "task")


def _examples(verdicts: pl.DataFrame, documents: pa.Table, seed: int) -> dict[str, list[dict[str, Any]]]:
    words = id_words(pa.chunked_array([verdicts["doc_id"].fill_null(b"\0" * 16).to_arrow().cast(pa.binary()).cast(pa.binary(16))]))
    # Documents that could not be read have no id; their row is hashed instead.
    words = np.where(verdicts["doc_id"].is_null().to_numpy()[:, None], verdicts["row"].to_numpy()[:, None].astype(np.uint64), words)
    ordered = verdicts.with_columns(order=pl.Series(held_out_hash(words, f"examples {seed}")))
    chosen = ordered.sort("order", "file", "row").group_by("stage", "rule", maintain_order=True).head(N_EXAMPLES)
    texts = _texts(documents, chosen["number"].drop_nulls().to_list())
    examples: dict[str, list[dict[str, Any]]] = {}
    for row in chosen.iter_rows(named=True):
        text = texts.get(row["number"], row["detail"] or "")
        example = {"doc_id": row["doc_id"].hex() if row["doc_id"] else None, **{name: row[name] for name in ("file", "row", "value", "threshold", "order")}}
        examples.setdefault(f"{row['stage']}/{row['rule']}", []).append(example | {"text": text})
    return examples


def _kept_examples(tables: TaskTables, kept: np.ndarray, seed: int) -> list[dict[str, Any]]:
    ids = tables.documents["id"]
    order = held_out_hash(id_words(ids)[kept], f"examples {seed}")
    chosen = kept[np.argsort(order, kind="stable")[:N_EXAMPLES]]
    texts = _texts(tables.documents, chosen.tolist())
    rows = tables.documents.select(["id", "file", "row"]).take(pa.array(chosen, pa.int64())).to_pylist()
    orders = sorted(order.tolist())[:N_EXAMPLES]
    return [
        {"doc_id": row["id"].hex(), "file": row["file"], "row": row["row"], "order": at, "text": texts[number]}
        for row, number, at in zip(rows, chosen.tolist(), orders, strict=True)
    ]


def _texts(documents: pa.Table, numbers: list[int]) -> dict[int, str]:
    wanted = sorted(set(numbers))
    return {number: text[:_TEXT_CHARS] for number, text in zip(wanted, documents["text"].take(pa.array(wanted, pa.int64())).to_pylist(), strict=True)}
