"""`curate rehydrate`: how often to repeat each kept document, by how many documents of its cluster size rules dropped."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.deciders import DUPLICATE_STAGES
from curate.dedup.rehydration import Distribution, distribution, look_up, repeats, weights
from curate.errors import CurateError
from curate.run_folder import RunFolder, documents_manifest
from shards.derived import write_derived
from shards.folder import output_folder, refuse_foreign
from shards.manifest import Manifest, commit_manifest
from shards.read import ShardSet
from shards.record import sealed
from shards.write import ShardWriter, open_for_writing

MIN_DOCUMENTS = 1000
"""Minimum number of survivors; with fewer, rates differ by chance more than by quality."""
_FEW = 100
"""Survivors of a cluster size below which its rate has an error of over 5% and should not set the scale."""


def rehydrate(folder: Path, out: Path | None, max_repeats: int, min_documents: int = MIN_DOCUMENTS) -> dict[str, Any]:
    """Write the weights of a finished run to `folder`/rehydration.json and, with `out`, the documents to one set `out`/repeats-NN per weight.

    Tokenize these sets like others; a mix uses each with `max_epochs: NN` and a weight of its tokens times NN. `warnings` of the result
    name rates that rest on few documents. Raises CurateError if duplicates were removed after rules, so that the rates are unknown, or
    for fewer than `min_documents` survivors.
    """
    run = RunFolder.open(folder)
    refuse_foreign(folder, ["rehydration.json"])
    if not documents_manifest(folder).recipe["dedup"]["before_rules"]:
        raise CurateError(
            f"{folder}: duplicates were removed after rules, so the share that rules drop of each cluster size is unknown; set dedup.before_rules: true"
        )
    survivors = clusters(run)
    if not survivors.height:
        raise CurateError(f"{folder}: no document survived deduplication; there is nothing to repeat")
    if survivors.height < min_documents:
        raise CurateError(
            f"{folder}: {survivors.height:,} documents survived deduplication; below {min_documents:,}, the share dropped of each cluster size is chance. "
            f"Use the weights of a larger run, or lower the limit with --min-documents {survivors.height}"
        )
    counts = distribution(survivors["cluster_size"].to_numpy(), survivors["removed"].to_numpy())
    times = repeats(counts.rates, counts.overall_rate, max_repeats)
    table = weights(counts.sizes, times)
    result = _result(counts, times, table, survivors)
    if out is not None:
        with output_folder(out):
            _write_sets(folder, out, table)
    with output_folder(folder):
        write_derived(folder, folder / "rehydration.json", sealed(result))
    return result


def clusters(run: RunFolder) -> pl.DataFrame:
    """Survivors of deduplication: `row_index`, `cluster_size` (documents represented, itself included), `removed` (by a rule)."""
    verdicts = run.verdicts.filter(pl.col("row_index").is_not_null())
    duplicates = verdicts.filter(pl.col("rule").is_in([f"{stage}/duplicate" for stage in DUPLICATE_STAGES])).sort("stage", "row_index")
    place = run.documents.select("row_index", twin=pl.format("{} {}:{}", pl.col("doc_id").bin.encode("hex"), "file", "row"))
    pairs = duplicates.select("row_index", "stage", twin="detail").join(place.rename({"row_index": "twin_index"}), on="twin", how="left")
    size = np.ones(run.documents.height, np.int64)
    for stage in DUPLICATE_STAGES:  # a document kept by one stage may be dropped by a later one
        of_stage = pairs.filter(pl.col("stage") == stage)
        np.add.at(size, of_stage["twin_index"].to_numpy(), size[of_stage["row_index"].to_numpy()])
    outside = verdicts.filter(pl.col("stage") != "rules")["row_index"].unique()
    removed = verdicts.filter(pl.col("stage") == "rules")["row_index"].unique()
    frame = run.documents.select("row_index").with_columns(cluster_size=pl.Series(size), removed=pl.col("row_index").is_in(removed.implode()))
    return frame.filter(~pl.col("row_index").is_in(outside.implode()))


def _warnings(counts: Distribution) -> list[str]:
    """Warnings about weights that rest on too few documents."""
    best = int(np.argmin(counts.rates))
    size, n, rate, overall = int(counts.sizes[best]), int(counts.survivors[best]), float(counts.rates[best]), counts.overall_rate
    warnings = []
    if n < _FEW:
        warnings.append(f"the best cluster size, {size}, which is repeated most, has only {n:,} documents")
    chance = 2 * (overall * (1 - overall) / n) ** 0.5
    if overall - rate < chance:
        warnings.append(
            f"rules drop {rate:.1%} of the best cluster size, {size}, and {overall:.1%} of all documents: chance alone could make them differ by {chance:.1%}"
        )
    return warnings


def _result(counts: Distribution, times: np.ndarray, table: dict[int, int], survivors: pl.DataFrame) -> dict[str, Any]:
    kept = survivors.filter(~pl.col("removed"))["cluster_size"].to_numpy()
    return {
        "weights": table,
        "cluster_sizes": counts.sizes.tolist(),
        "survivors": counts.survivors.tolist(),
        "removal_rates": counts.rates.tolist(),
        "overall_removal_rate": counts.overall_rate,
        "repeats": times.tolist(),
        "warnings": _warnings(counts),
        "documents": len(kept),
        "documents_seen": int(look_up(table, kept).sum()),
    }


def _write_sets(folder: Path, out: Path, table: dict[int, int]) -> None:
    documents = ShardSet(folder / "documents", "documents")
    numbers = sorted(set(table.values()))
    with ExitStack() as stack:
        writers = {}
        for number in numbers:
            open_for_writing(_set_folder(out, number), "documents")
            writers[number] = stack.enter_context(ShardWriter(_set_folder(out, number), documents.schema))
        for batch in documents.batches():
            times = look_up(table, batch["cluster_size"].to_numpy(zero_copy_only=False))
            for number in np.unique(times).tolist():
                writers[number].write(batch.filter(pa.array(times == number)))
        files = {number: writer.close() for number, writer in writers.items()}
    for number in numbers:
        info = {"repeats": number, "weights": {str(size): times for size, times in table.items()}}
        made = documents.manifest
        manifest = Manifest("documents", tuple(files[number]), made.recipe, made.recipe_hash, (documents.parent("documents"),), info)
        commit_manifest(_set_folder(out, number), manifest)


def _set_folder(out: Path, number: int) -> Path:
    return out / f"repeats-{number:02}"
