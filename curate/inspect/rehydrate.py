"""`curate rehydrate`: how often each kept document should be seen, from what rules thought of clusters of its size."""

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
"""Survivors below which the rates of cluster sizes differ by chance more than by quality."""
_FEW = 100
"""Survivors of one cluster size from which its rate, good to about 5%, should not set the scale."""


def rehydrate(folder: Path, out: Path | None, max_repeats: int, min_documents: int = MIN_DOCUMENTS) -> dict[str, Any]:
    """Weights of a finished run, written to `folder`/rehydration.json; with `out` also the documents, a set `out`/repeats-NN for each number.

    Those sets are tokenised like others; a mix takes each with `max_epochs: NN` and a weight of its tokens times NN. Raises
    CurateError if copies were looked for after rules, so that no size's share of drops is known, and for fewer than `min_documents` survivors.
    `warnings` of the result say where a rate rests on few documents.
    """
    run = RunFolder.open(folder)
    refuse_foreign(folder, ["rehydration.json"])
    if not documents_manifest(folder).recipe["dedup"]["before_rules"]:
        raise CurateError(f"{folder}: copies were looked for after rules, so what rules think of each cluster size is not known; set dedup.before_rules: true")
    survivors = clusters(run)
    if not survivors.height:
        raise CurateError(f"{folder}: no document survived deduplication; there is nothing to repeat")
    if survivors.height < min_documents:
        raise CurateError(
            f"{folder}: {survivors.height:,} documents survived deduplication; what rules drop of each cluster size is chance below {min_documents:,}. "
            f"Repeat a larger run's weights, or ask for them nevertheless with --min-documents {survivors.height}"
        )
    found = distribution(survivors["cluster_size"].to_numpy(), survivors["removed"].to_numpy())
    times = repeats(found.rates, found.overall_rate, max_repeats)
    table = weights(found.sizes, times)
    result = _result(found, times, table, survivors)
    if out is not None:
        with output_folder(out):
            _write_sets(folder, out, table)
    with output_folder(folder):
        write_derived(folder, folder / "rehydration.json", sealed(result))
    return result


def clusters(run: RunFolder) -> pl.DataFrame:
    """Survivors of deduplication: `row_index`, `cluster_size` (documents it stands for, itself included), `removed` (by a rule)."""
    verdicts = run.verdicts.filter(pl.col("row_index").is_not_null())
    copies = verdicts.filter(pl.col("rule").is_in([f"{stage}/duplicate" for stage in DUPLICATE_STAGES])).sort("stage", "row_index")
    place = run.documents.select("row_index", twin=pl.format("{} {}:{}", pl.col("doc_id").bin.encode("hex"), "file", "row"))
    pairs = copies.select("row_index", "stage", twin="detail").join(place.rename({"row_index": "twin_index"}), on="twin", how="left")
    size = np.ones(run.documents.height, np.int64)
    for stage in DUPLICATE_STAGES:  # a twin may itself be a near copy later
        some = pairs.filter(pl.col("stage") == stage)
        np.add.at(size, some["twin_index"].to_numpy(), size[some["row_index"].to_numpy()])
    outside = verdicts.filter(pl.col("stage") != "rules")["row_index"].unique()
    removed = verdicts.filter(pl.col("stage") == "rules")["row_index"].unique()
    frame = run.documents.select("row_index").with_columns(cluster_size=pl.Series(size), removed=pl.col("row_index").is_in(removed.implode()))
    return frame.filter(~pl.col("row_index").is_in(outside.implode()))


def _warnings(found: Distribution) -> list[str]:
    """What the weights rest on, where that is too little."""
    best = int(np.argmin(found.rates))
    size, n, rate, overall = int(found.sizes[best]), int(found.survivors[best]), float(found.rates[best]), found.overall_rate
    told = []
    if n < _FEW:
        told.append(f"the best cluster size, {size}, which is repeated most, rests on {n:,} documents")
    chance = 2 * (overall * (1 - overall) / n) ** 0.5
    if overall - rate < chance:
        told.append(f"rules drop {rate:.1%} of the best cluster size, {size}, and {overall:.1%} of all documents: by chance they could differ by {chance:.1%}")
    return told


def _result(found: Distribution, times: np.ndarray, table: dict[int, int], survivors: pl.DataFrame) -> dict[str, Any]:
    kept = survivors.filter(~pl.col("removed"))["cluster_size"].to_numpy()
    return {
        "weights": table,
        "cluster_sizes": found.sizes.tolist(),
        "survivors": found.survivors.tolist(),
        "removal_rates": found.rates.tolist(),
        "overall_removal_rate": found.overall_rate,
        "repeats": times.tolist(),
        "warnings": _warnings(found),
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
