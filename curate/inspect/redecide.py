"""`curate decide`: apply other rules to the signals of a finished run and show what would change. No text is read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.deciders import rule_order
from curate.errors import CurateError
from curate.pipeline.decide import decide_documents
from curate.recipe import CurateRecipe
from curate.rules.chosen import check_rules, chosen_rules
from curate.rules.fired import verdict_table
from curate.rules.ruleset import RuleSet
from curate.run_folder import RunFolder, documents_manifest
from curate.steps.order import steps_key
from shards import console
from shards.folder import output_folder
from shards.read import ShardSet
from shards.recipe import build_recipe, recipe_hash
from shards.schemas import VERDICTS
from shards.write import write_set

_DECIDED = ("keep_http_status", "language.keep", "language.min_confidence", "rules")
"""Keys of the recipe that decide on each document by its signals alone, with all keys below them."""
_ALONE = ("rewrite", "http", "language", "rules")
"""Stages whose verdicts depend only on a document's own signals."""


@dataclass(frozen=True)
class Redecision:
    """`funnel`: (stage, rule, documents, bytes) by first reason. `newly_*`: documents that only the new or only the old rules drop."""

    funnel: list[tuple[str, str, int, int]]
    newly_dropped: int
    newly_kept: int
    kept: int
    documents: int


def redecide(out: Path, rules: Sequence[str], overrides: Sequence[str], verdicts: Path | None) -> Redecision:
    """Decide again on language and rules for the run in `out`: `rules` by name or path (none: the run's own), `overrides` as for `curate run`.

    The result is compared with the verdicts of the run. Duplicates and contamination depend on other documents and are not decided again;
    `curate run` does so, also without reading text. `verdicts`: folder for a shard set of the new verdicts. Raises CurateError if the run
    lacks a signal or an override changes anything but language and rules, and RecipeError for wrong keys.
    """
    run = RunFolder.open(out)
    manifest = documents_manifest(out)
    raw = dict(manifest.recipe) | ({"rules": list(rules)} if rules else {})
    recipe = build_recipe(raw, CurateRecipe, f"{out}: recipe", overrides)
    _check_changes(build_recipe(dict(manifest.recipe), CurateRecipe, f"{out}: recipe"), recipe)
    rule_sets = tuple(chosen_rules(recipe.rules))
    check_rules(rule_sets, ShardSet(Path(out) / "signals", "signals", verify=False).schema.names)
    dropped_before = _dropped_alone(Path(out))
    first: Counter[tuple[str, str]] = Counter()
    n_bytes: Counter[tuple[str, str]] = Counter()
    changed, tables = Counter[str](), []
    for task in range(run.n_tasks):
        signals = pl.DataFrame(run.measured.table(task, "signals"))
        fired = decide_documents(signals, recipe, rule_sets)
        changed.update(_changes(signals, dropped_before, fired))
        sizes = signals.select("text_bytes").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        for stage, rule, size in fired.unique("row", keep="first", maintain_order=True).join(sizes, on="row").select("stage", "rule", "text_bytes").iter_rows():
            first[stage, rule] += 1
            n_bytes[stage, rule] += size
        if verdicts is not None:
            tables.append(verdict_table(fired, signals.select("doc_id", "file", "row")))
    if verdicts is not None:
        _write(verdicts, tables, recipe)
    funnel = [(*key, first[key], n_bytes[key]) for key in _in_order(first, rule_sets)]
    return Redecision(funnel, changed["newly_dropped"], changed["newly_kept"], changed["kept"], changed["documents"])


def _check_changes(stored: CurateRecipe, recipe: CurateRecipe) -> None:
    """Raise CurateError for a change to other keys, which would otherwise be reported as no change."""
    for key in _differences(stored.model_dump(mode="json"), recipe.model_dump(mode="json")):
        if any(key == decided or key.startswith(f"{decided}.") for decided in _DECIDED):
            continue
        own_rules = recipe.model_copy(update={"rules": stored.rules})  # signals that rules read are checked by name
        if key.startswith("inputs") or _measures(own_rules) != _measures(stored):
            raise CurateError(f"--set {key}: this changes what is measured, so it needs a new `curate run`; `curate decide` changes {', '.join(_DECIDED)}")
        raise CurateError(
            f"--set {key}: `curate decide` judges each document alone, by {', '.join(_DECIDED)}; rerun `curate run` with this change: "
            "it reuses what was measured and reads no input again"
        )


def _differences(one: Any, other: Any, key: str = "") -> Iterator[str]:
    """Dotted keys whose values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from _differences(one.get(name), other.get(name), f"{key}.{name}" if key else name)
    elif one != other:
        yield key


def _measures(recipe: CurateRecipe) -> Any:
    """What the measured tables depend on; the error message if the recipe names something that does not exist."""
    try:
        return steps_key(recipe)
    except (CurateError, OSError) as error:
        return str(error)


def _dropped_alone(out: Path) -> pl.DataFrame:
    """`file` and `row` of the documents dropped by language or rules of the run, without repeats."""
    written = pl.DataFrame(ShardSet(out / "verdicts", "verdicts", verify=False).to_table(["file", "row", "stage"]))
    return written.filter(pl.col("stage").is_in(_ALONE)).select("file", "row").unique()


def _changes(signals: pl.DataFrame, dropped_before: pl.DataFrame, now: pl.DataFrame) -> dict[str, int]:
    """Numbers of a task's documents whose outcome differs between the run's verdicts and the new ones."""
    places = signals.select("file", "row")
    was_kept = places.join(dropped_before.with_columns(dropped=True), on=["file", "row"], how="left", maintain_order="left")["dropped"].is_null().to_numpy()
    is_kept = np.ones(signals.height, bool)
    is_kept[now["row"].to_numpy()] = False
    changed = {"newly_dropped": was_kept & ~is_kept, "newly_kept": ~was_kept & is_kept, "kept": is_kept}
    return {"documents": signals.height} | {name: int(mask.sum()) for name, mask in changed.items()}


def _in_order(first: Counter[tuple[str, str]], rule_sets: Sequence[RuleSet]) -> list[tuple[str, str]]:
    return [key for key in rule_order(rule_sets) if key in first]


def _write(folder: Path, tables: Sequence[pa.Table], recipe: CurateRecipe) -> None:
    if (folder / "work" / "run.json").exists():
        raise CurateError(f"--out {folder}: this is the folder of a run, whose verdicts are not overwritten; give another folder")
    batches = [batch for table in tables for batch in table.combine_chunks().to_batches()]
    with output_folder(folder):
        write_set(folder, "verdicts", VERDICTS, batches, recipe=recipe.model_dump(mode="json"), recipe_hash=recipe_hash(recipe))


def print_redecision(redecision: Redecision, out: Path | None) -> None:
    """Print what the other rules would drop, and the difference to the run's own."""
    rows = [(stage, rule, f"{n_docs:,}", f"{n_bytes / 1e6:,.1f}") for stage, rule, n_docs, n_bytes in redecision.funnel]
    if rows:
        console.print_table("first reason to drop a document", ["stage", "rule", "documents", "MB"], rows)
    lines: dict[str, Any] = {
        "kept": f"{redecision.kept:,} of {redecision.documents:,} documents, before duplicates are removed",
        "newly dropped": f"{redecision.newly_dropped:,} that the run's own rules keep",
        "newly kept": f"{redecision.newly_kept:,} that the run's own rules drop",
    }
    if out is not None:
        lines["verdicts"] = out
    console.summary("decided again; `curate run` with these rules writes the documents without reading text", lines)
