"""Second stage: what happens to each document, and why. Works on signals and signatures; never touches text.

Language and rules are decided for every document, each on its own, so every reason is recorded. Copies are looked for among the
documents that passed so far, so no document is dropped in favour of one that is dropped itself: exact copies first, then near ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.dedup.exact import id_words
from curate.dedup.minhash import MinHashParams
from curate.duplicates import Copies, Corpus, Signatures, estimated_jaccard, exact_copies, near_copies
from curate.held_out import held_out
from curate.recipe import CurateRecipe, LanguageRecipe, MinHashRecipe
from curate.rules.decide import RuleSet, decide
from shards.schemas import VERDICTS
from shards.stages import Stage

DECIDE_VERSION = 1
"""Raised when the same signals and recipe would give other verdicts."""

DROPPED, KEPT, HELD_OUT = 0, 1, 2
OUTCOMES = pa.schema([("outcome", pa.uint8()), ("cluster_size", pa.int64())])
"""One row per measured document, in order. `cluster_size`: documents that a kept one stands for, itself included; 0 if dropped."""

_FIRED = {"row": pl.Int64, "stage": pl.String, "rule": pl.String, "value": pl.Float64, "threshold": pl.Float64, "detail": pl.String}


def decide_all(measured: Stage, n_tasks: int, recipe: CurateRecipe, rule_sets: Sequence[RuleSet], folder: Path) -> None:
    """Decide and commit tables `outcomes` (see `OUTCOMES`) and `verdicts`, ordered by document and then by stage."""
    signals = pl.concat([pl.DataFrame(measured.table(task, "signals")) for task in range(n_tasks)])
    fired = [*_language(signals, recipe.language), *_rules(signals, rule_sets)]
    passed = np.ones(signals.height, dtype=bool)
    for verdicts in fired:
        passed[verdicts["row"].to_numpy()] = False
    corpus = Corpus(_ids(signals), signals["text_bytes"].to_numpy(), np.ones(signals.height, dtype=np.int64))
    if recipe.dedup.exact:
        copies = exact_copies(corpus, np.flatnonzero(passed), recipe.dedup.keep)
        passed[copies.dropped] = False
        fired.append(_duplicates(signals, copies, "exact"))
    if recipe.dedup.minhash is not None:
        signatures = _signatures(measured, n_tasks, recipe.dedup.minhash)
        copies = near_copies(corpus, np.flatnonzero(passed), signatures, recipe.dedup.keep)
        passed[copies.dropped] = False
        fired.append(_duplicates(signals, copies, "minhash", estimated_jaccard(signatures, copies)))
    tables = {"outcomes": [_outcomes(corpus, passed, recipe)], "verdicts": _verdict_table(measured, n_tasks, signals, fired).to_batches()}
    Stage(folder).commit(0, tables, {"outcomes": OUTCOMES, "verdicts": VERDICTS})


def _ids(signals: pl.DataFrame) -> np.ndarray:
    return id_words(signals["doc_id"].to_arrow().cast(pa.binary()).cast(pa.binary(16)))


def _language(signals: pl.DataFrame, recipe: LanguageRecipe | None) -> list[pl.DataFrame]:
    if recipe is None:
        return []
    identified = signals.select("language", value=pl.col("language_score")).with_row_index("row")
    foreign = identified.filter(~pl.col("language").is_in(recipe.keep)) if recipe.keep else identified.clear()
    doubtful = identified.filter(pl.col("value") < recipe.min_confidence)
    return [
        _fired(foreign, stage="language", rule="language/not_kept", detail=foreign["language"]),
        _fired(doubtful, stage="language", rule="language/low_confidence", threshold=recipe.min_confidence, detail=doubtful["language"]),
    ]


def _rules(signals: pl.DataFrame, rule_sets: Sequence[RuleSet]) -> list[pl.DataFrame]:
    readable = signals.drop("doc_id", "file", "row")
    return [_fired(decide(readable, rules), stage="rules") for rules in rule_sets]


def _duplicates(signals: pl.DataFrame, copies: Copies, stage: str, value: np.ndarray | None = None) -> pl.DataFrame:
    """The detail of a copy's verdict is the twin that stays: its id and where it was read, for exact copies share their id."""
    twins = signals[copies.twin].select(pl.format("{} {}:{}", pl.col("doc_id").bin.encode("hex"), "file", "row")).to_series()
    return _fired(pl.DataFrame({"row": copies.dropped}), stage=stage, rule=f"{stage}/duplicate", value=value, detail=twins)


def _fired(frame: pl.DataFrame, **columns: Any) -> pl.DataFrame:
    """Verdicts as they are gathered: a `row` of `signals` and what fired on it; columns that are not given are null."""
    series = [pl.Series(name, value) for name, value in columns.items() if isinstance(value, np.ndarray | pl.Series)]
    frame = frame.with_columns(*series, **{name: pl.lit(value) for name, value in columns.items() if not isinstance(value, np.ndarray | pl.Series)})
    absent = [pl.lit(None).alias(name) for name in _FIRED if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in _FIRED.items())


def _signatures(measured: Stage, n_tasks: int, minhash: MinHashRecipe) -> Signatures:
    columns = [measured.table(task, "signatures")["signature"].combine_chunks() for task in range(n_tasks)]
    size = minhash.buckets * minhash.hashes
    values = [np.asarray(column.values)[column.offset * size : (column.offset + len(column)) * size] for column in columns]
    exists = [np.asarray(column.is_valid()) for column in columns]
    return Signatures(np.concatenate(values).reshape(-1, size), np.concatenate(exists), MinHashParams(**minhash.model_dump()))


def _outcomes(corpus: Corpus, passed: np.ndarray, recipe: CurateRecipe) -> pa.RecordBatch:
    outcome = np.where(passed, KEPT, DROPPED).astype(np.uint8)
    docs = np.flatnonzero(passed)
    outcome[docs[held_out(corpus.ids[docs], recipe.held_out.share, recipe.held_out.max_documents, recipe.held_out.salt)]] = HELD_OUT
    return pa.record_batch([pa.array(outcome), pa.array(np.where(passed, corpus.cluster_size, 0))], schema=OUTCOMES)


def _verdict_table(measured: Stage, n_tasks: int, signals: pl.DataFrame, fired: list[pl.DataFrame]) -> pa.Table:
    """Records without a document first, then documents in order, each one's verdicts in the order of the run."""
    places = signals.select("doc_id", "file", number="row").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    ordered = pl.concat([*fired, pl.DataFrame(schema=_FIRED)]).sort("row", maintain_order=True).join(places, on="row", how="left", maintain_order="left")
    ordered = ordered.drop("row").rename({"number": "row"}).select(VERDICTS.names)
    table = ordered.to_arrow(compat_level=pl.CompatLevel.oldest())
    unread = [measured.table(task, "verdicts") for task in range(n_tasks)]
    doc_id = table["doc_id"].cast(pa.binary()).cast(pa.binary(16))
    return pa.concat_tables([*unread, table.set_column(0, "doc_id", doc_id).cast(VERDICTS)])
