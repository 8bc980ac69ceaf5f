"""Documents that hold evaluation items: dropped, or the stretches that match are cut out of them. A report for each evaluation set."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.collection import Collection
from curate.decontaminate.index import Index, Names, load_index, load_names
from curate.decontaminate.recipe import BoilerplateRecipe, DecontaminateRecipe
from curate.steps.contamination import INDEX

STAGE, RULE = "contamination", "contamination/ngrams"
N_SHOWN = 20
"""Items of each evaluation set that the report names, the most contaminated first."""


_FOUND = {"doc": pl.Int64, "item": pl.Int64, "n_found": pl.UInt32, "gram": pl.Int64, "share": pl.Float64}


class _Counted(NamedTuple):
    """What counts after boilerplate is left out: `informative` (n_grams,) bool, `totals` (n_items,) int64 n-grams of each item."""

    informative: np.ndarray
    totals: np.ndarray


def drop_contaminated(collection: Collection, chosen: DecontaminateRecipe) -> None:
    """Drop documents that hold evaluation items, or cut the items.

    Every document is looked at, also those that were dropped before, so that the report of an evaluation set depends on the inputs alone. An
    item is in a document if enough of its n-grams are (`min_ngrams`, `min_share`), boilerplate not counted. The verdict of a document tells
    the item of which it holds the largest share: the share as its value, and evaluation set, place of the item, and an n-gram as its detail.
    """
    folder = collection.folder / INDEX
    index, names = load_index(folder), load_names(folder)
    counted = _count(collection, index, chosen.boilerplate)
    found = pl.concat([pl.DataFrame(schema=_FOUND), *(_found(table, first, index, counted, chosen) for first, table in _tables(collection))])
    best = found.sort(["share", "item"], descending=[True, False]).unique("doc", keep="first", maintain_order=True).sort("doc")
    dropped = best if chosen.action == "drop" else best.join(_cut(collection, found, index, counted, chosen.max_cut), on="doc", how="semi")
    details = [f"{names.evals[index.item_eval[item]]} {names.places[item]}: {index.text(gram)}" for item, gram in dropped.select("item", "gram").iter_rows()]
    shares, threshold = dropped["share"].to_numpy(), chosen.min_share
    collection.drop(dropped["doc"].to_numpy(), STAGE, RULE, value=shares, threshold=threshold, detail=pl.Series(details, dtype=pl.String))
    collection.note(STAGE, _report(collection, found, index, names, counted))


def _tables(collection: Collection) -> Any:
    return zip(collection.offsets.tolist(), collection.tables("contamination"), strict=False)


def _hits(table: pa.Table, first: int) -> pl.DataFrame:
    """One row a hit: doc (numbered in the collection), gram, start, end."""
    frame = pl.DataFrame(table).with_row_index("doc", offset=first)
    return frame.filter(pl.col("gram").list.len() > 0).explode("gram", "start", "end").with_columns(pl.col("doc").cast(pl.Int64))


def _count(collection: Collection, index: Index, boilerplate: BoilerplateRecipe | None) -> _Counted:
    informative = np.ones(len(index.keys), bool)
    if boilerplate is not None:
        codes, _ = collection.sources
        n_documents = np.zeros(len(index.keys), np.int64)
        by_source = pl.DataFrame(schema={"gram": pl.UInt32, "source": pl.Int32})
        for first, table in _tables(collection):
            pairs = _hits(table, first).select("doc", "gram").unique()
            n_documents += np.bincount(pairs["gram"].to_numpy(), minlength=len(index.keys))
            of_task = pairs.select("gram", source=pl.Series(codes[pairs["doc"].to_numpy()], dtype=pl.Int32))
            by_source = pl.concat([by_source, of_task]).unique()
        n_sources = np.bincount(by_source["gram"].to_numpy(), minlength=len(index.keys))
        informative = (n_documents < boilerplate.documents) | (n_sources < boilerplate.sources)
    per_gram = np.repeat(informative, np.diff(index.item_offsets))
    return _Counted(informative, np.bincount(index.items[per_gram], minlength=len(index.item_grams)).astype(np.int64))


def _found(table: pa.Table, first: int, index: Index, counted: _Counted, chosen: DecontaminateRecipe) -> pl.DataFrame:
    """Items in documents of a task: doc, item, n_found, share, and the item's first n-gram there."""
    hits = _hits(table, first).select("doc", pl.col("gram").cast(pl.Int64)).unique(maintain_order=True)
    hits = hits.filter(pl.Series(counted.informative[hits["gram"].to_numpy()], dtype=pl.Boolean))
    grams = hits["gram"].to_numpy()
    n_items = index.item_offsets[grams + 1] - index.item_offsets[grams]
    place = np.repeat(index.item_offsets[grams], n_items) + np.arange(n_items.sum()) - np.repeat(np.cumsum(n_items) - n_items, n_items)
    rows = np.repeat(np.arange(len(grams)), n_items)
    pairs = hits[rows].with_columns(item=pl.Series(index.items[place].astype(np.int64)))
    items = pairs.group_by("doc", "item", maintain_order=True).agg(n_found=pl.len(), gram=pl.col("gram").first())
    items = items.with_columns(share=items["n_found"].cast(pl.Float64) / pl.Series(counted.totals[items["item"].to_numpy()], dtype=pl.Float64))
    return items.filter((pl.col("n_found") >= chosen.min_ngrams) & (pl.col("share") >= chosen.min_share))


def _cut(collection: Collection, found: pl.DataFrame, index: Index, counted: _Counted, max_cut: float) -> pl.DataFrame:
    """Cut the n-grams of the items found; returns the documents that would lose too much, from which nothing is cut."""
    too_much = []
    for first, table in _tables(collection):
        hits = _hits(table, first).join(found.select("doc").unique(), on="doc", how="semi").sort("doc", "start", "end")
        hits = hits.filter(pl.Series(counted.informative[hits["gram"].to_numpy()], dtype=pl.Boolean) & _belongs(hits, found, index))
        reach = pl.col("end").cum_max().shift(1).over("doc").fill_null(0)
        lost = hits.with_columns(new=(pl.col("end") - pl.max_horizontal("start", reach)).clip(0)).group_by("doc", maintain_order=True).agg(pl.col("new").sum())
        n_bytes = pl.Series(collection.n_bytes[lost["doc"].to_numpy()], dtype=pl.Float64)
        heavy = lost.filter(lost["new"] / n_bytes > max_cut).select("doc")
        cuts = hits.join(heavy, on="doc", how="anti")
        collection.cut(*(cuts[name].to_numpy() for name in ("doc", "start", "end")))
        too_much.append(heavy)
    return pl.concat([pl.DataFrame(schema={"doc": pl.Int64}), *too_much])


def _belongs(hits: pl.DataFrame, found: pl.DataFrame, index: Index) -> pl.Series:
    """Whether a hit's n-gram is one of an item that was found in its document."""
    items = found.group_by("doc").agg("item")
    by_doc = dict(zip(items["doc"].to_list(), map(set, items["item"].to_list()), strict=True))
    grams = hits["gram"].to_list()
    owners = (index.items[index.item_offsets[gram] : index.item_offsets[gram + 1]].tolist() for gram in grams)
    return pl.Series([not by_doc[doc].isdisjoint(items) for doc, items in zip(hits["doc"].to_list(), owners, strict=True)], dtype=pl.Boolean)


def _report(collection: Collection, found: pl.DataFrame, index: Index, names: Names, counted: _Counted) -> dict[str, Any]:
    """By evaluation set: items, those too short to be found, those found, their rate, documents, and the items with the largest share."""
    found = found.with_columns(eval=pl.Series(index.item_eval[found["item"].to_numpy()].astype(np.int64)))
    report: dict[str, Any] = {"boilerplate_ngrams": int((~counted.informative).sum()), "evals": {}}
    for number, name in enumerate(names.evals):
        mine = found.filter(pl.col("eval") == number)
        of_eval = index.item_eval == number
        n_items, n_found = int(of_eval.sum()), mine["item"].n_unique()
        worst = mine.sort(["share", "item", "doc"], descending=[True, False, False]).unique("item", keep="first", maintain_order=True).head(N_SHOWN)
        documents = collection.names(worst["doc"].to_numpy()).to_list()
        shown = [
            {"item": names.places[item], "share": share, "document": document, "ngram": index.text(gram)}
            for (item, share, gram), document in zip(worst.select("item", "share", "gram").iter_rows(), documents, strict=True)
        ]
        report["evals"][name] = {
            "items": n_items,
            "too_short": int((index.item_grams[of_eval] == 0).sum()),
            "found": n_found,
            "rate": n_found / max(n_items, 1),
            "documents": mine["doc"].n_unique(),
            "worst": shown,
        }
    return report
