"""Second stage: decide on each document alone, by its signals. Every rule is tried on every document; none hides another."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from curate.languages.recipe import LanguageRecipe
from curate.languages.table import figures, full_code
from curate.recipe import CurateRecipe
from curate.rules.decide import RuleSet, decide
from curate.rules.fired import FIRED_SCHEMA, fired
from curate.steps.http_status import HTTP_STATUS
from shards.stages import Stage

DECIDE_VERSION = 3
"""Increased when the same signals and recipe would give other verdicts."""

PASSED = pa.schema([("passed", pa.bool_())])
"""One row per measured document, in order."""

_NOT_SIGNALS = ("doc_id", "file", "row")


@dataclass(frozen=True)
class DecideJob:
    """What a worker needs for one task."""

    folder: str
    measured: str
    task: int
    recipe: CurateRecipe
    rule_sets: tuple[RuleSet, ...]


def decide_task(job: DecideJob) -> int:
    """Commit tables `passed` and `fired` of one task. Returns how many documents it decided."""
    measured = Stage(Path(job.measured))
    # One batch at a time: the signals of a task of short documents take gigabytes.
    decided, n_docs = [_decided(measured.table(job.task, "signals").slice(0, 0), 0, job)], 0
    for batch in measured.batches(job.task, "signals"):
        decided.append(_decided(pa.Table.from_batches([batch]), n_docs, job))
        n_docs += batch.num_rows
    gathered = pl.concat(decided, rechunk=True)
    passed = np.ones(n_docs, dtype=bool)
    passed[gathered["row"].to_numpy()] = False
    table = gathered.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(FIRED_SCHEMA)
    tables = {"passed": [pa.record_batch([pa.array(passed)], schema=PASSED)], "fired": table.to_batches()}
    Stage(Path(job.folder)).commit(job.task, tables, {"passed": PASSED, "fired": FIRED_SCHEMA})
    return n_docs


def _decided(signals: pa.Table, first_row: int, job: DecideJob) -> pl.DataFrame:
    gathered = decide_documents(pl.DataFrame(signals), job.recipe, job.rule_sets)
    return gathered.with_columns(pl.col("row").cast(pl.Int64) + first_row)


def decide_documents(signals: pl.DataFrame, recipe: CurateRecipe, rule_sets: tuple[RuleSet, ...]) -> pl.DataFrame:
    """Every verdict that follows from signals alone, with the schema `FIRED`; `row` is the row in `signals`."""
    readable = signals.drop(name for name in _NOT_SIGNALS if name in signals.columns)
    verdicts = [
        _emptied(signals),
        *_http_status(signals, recipe.keep_http_status),
        *_language(signals, recipe.language),
        *(fired(decide(readable, rules), stage="rules") for rules in rule_sets),
    ]
    return pl.concat(verdicts).sort("row", maintain_order=True)


def _emptied(signals: pl.DataFrame) -> pl.DataFrame:
    return fired(_rows(signals["is_blank"]), stage="rewrite", rule="rewrite/empty")


def _http_status(signals: pl.DataFrame, keep: tuple[int, ...] | None) -> list[pl.DataFrame]:
    if keep is None:
        return []
    status = signals.select(value=pl.col(HTTP_STATUS)).with_row_index("row")
    return [fired(status.filter(~pl.col("value").is_in(keep)), stage="http", rule="http/status")]


def _language(signals: pl.DataFrame, recipe: LanguageRecipe | None) -> list[pl.DataFrame]:
    if recipe is None:
        return []
    identified = signals.select("language", value=pl.col("language_score")).with_row_index("row")
    foreign = identified.filter(~pl.col("language").is_in(recipe.keep)) if recipe.keep else identified.clear()
    judged = identified.with_columns(threshold=_least_confidence(signals["language"], recipe.min_confidence))
    doubtful = judged.filter(pl.col("value") < pl.col("threshold"))
    return [
        fired(foreign, stage="language", rule="language/not_kept", detail=foreign["language"]),
        fired(doubtful, stage="language", rule="language/low_confidence", detail=doubtful["language"]),
    ]


def _least_confidence(languages: pl.Series, minimum: float | str | dict[str, float]) -> pl.Series:
    """(n_docs,) float64: the minimum score for the language of each document."""
    if isinstance(minimum, float):
        return pl.repeat(minimum, len(languages), dtype=pl.Float64, eager=True)
    codes = languages.unique().drop_nulls().to_list()
    if isinstance(minimum, dict):
        by_full = {full_code(code): score for code, score in minimum.items()}
        least = {code: minimum.get(code, by_full.get(full_code(code), minimum.get("default", 0.0))) for code in codes}
    else:
        table = figures()
        published = dict(zip(table["language"].to_list(), table["language_score"].to_list(), strict=True))
        least = {code: published.get(full_code(code), 0.0) for code in codes}
    return languages.replace_strict(least, default=0.0, return_dtype=pl.Float64)


def _rows(mask: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"row": mask.arg_true().cast(pl.Int64)})
